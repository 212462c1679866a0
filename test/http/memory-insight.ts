// The memory application's insight: small answers in the right shapes, which a test may replace.
import { accessOf } from '../../src/core/access.ts';
import type { CellsView, Insight } from '../../src/core/insight.ts';
import { NO_RULES } from '../../src/core/permission.ts';
import { statistics } from '../../src/core/statistics.ts';

export function createMemoryInsight(): Insight {
  return {
    times: (deployment) =>
      Promise.resolve({ deployment, cluster: 'production', requestedAt: 0, servers: ['web1'], stages: [], event: 7, estimate: [] }),
    knows: () => Promise.resolve(true),
    async *cells(_deployment, after): AsyncGenerator<CellsView> {
      if (after >= 7) return;
      yield await Promise.resolve({ id: 7, course: [], cells: [[0, 1, 2, 345]], others: [], ended: true });
    },
    server: (cluster, name) =>
      Promise.resolve({
        cluster,
        name,
        state: 'live',
        release: null,
        error: null,
        host: 'localhost',
        user: null,
        path: '/srv',
        transport: 'local',
        behind: false,
        drift: null,
        releases: [],
        contact: null,
        deployments: [],
      }),
    queue: () => ({ waiting: [], running: [] }),
    commits: (cluster) =>
      Promise.resolve({ cluster, repository: 'shop', branch: 'b', base: null, head: null, commits: [], total: 0, diverged: false }),
    changes: (deployment) =>
      Promise.resolve({ deployment, base: null, head: 'a', commits: [], totalCommits: 0, files: [], totalFiles: 0, diverged: false }),
    configuration: (cluster) => ({ cluster, hash: '', loadedAt: '2026-01-01T00:00:00.000Z', problem: null, branch: null, settings: {} }),
    access: (cluster, actor) => accessOf({ cluster, permissions: NO_RULES, approvals: undefined, deployment: null }, actor),
    accessToDeployment: (_deployment, actor) =>
      Promise.resolve(accessOf({ cluster: 'production', permissions: NO_RULES, approvals: undefined, deployment: null }, actor)),
    last: () => Promise.resolve(null),
    statistics: (query) => Promise.resolve(statistics([], query)),
  };
}
