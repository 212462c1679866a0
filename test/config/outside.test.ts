// The keys for files from outside, secrets, seeds and versions: what they become, and what is wrong with them.
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { join } from 'node:path';
import type { Cluster } from '../../src/core/cluster.ts';
import { clustersFor } from '../../src/core/mapping.ts';
import { createWorkspace, minimal, withCluster } from './workspace.ts';

let workspace: Awaited<ReturnType<typeof createWorkspace>>;
beforeEach(async () => {
  workspace = await createWorkspace();
});
afterEach(() => workspace.remove());

async function clusterWith(settings: Record<string, unknown>): Promise<Cluster> {
  const { configuration } = await workspace.load(withCluster(settings));
  return configuration.clusters.get('production') as Cluster;
}

describe('a cluster', () => {
  test('has nothing from outside by default', async () => {
    const cluster = await clusterWith({});
    expect([cluster.files, cluster.variables, cluster.secrets]).toEqual([undefined, undefined, undefined]);
  });

  test('has files, variables and secrets; relative paths count from the configuration file', async () => {
    const cluster = await clusterWith({
      files: 'ops/files',
      variables: { pool: 'small', port: 8080, debug: false },
      secrets: { A: { file: 'secrets/a' }, B: { environment: 'B' }, C: { command: 'pass show c' } },
      servers: [{ name: 'web1', variables: { pool: 'large' } }],
      path: '/srv/shop',
    });
    expect(cluster.files).toEqual({ kind: 'directory', path: join(workspace.directory, 'ops/files') });
    expect(cluster.variables).toEqual({ pool: 'small', port: '8080', debug: 'false' });
    expect(cluster.servers[0]?.variables).toEqual({ pool: 'large' });
    expect(cluster.secrets).toEqual({
      A: { file: join(workspace.directory, 'secrets/a') },
      B: { environment: 'B' },
      C: { command: 'pass show c' },
    });
  });

  test('of a pattern has its name filled in in all of them', async () => {
    const { configuration } = await workspace.load(
      minimal({
        branches: [{ repository: 'shop', branch: 'servers/{who}', clusters: ['box-{who}'] }],
        clusters: {
          'box-{who}': {
            servers: [{ path: '/srv/{who}', name: 'box', variables: { home: '/home/{who}' } }],
            files: { repository: 'shop', branch: 'ops/{who}', subdirectory: '{who}/files' },
            variables: { greeting: 'hello {who}, {other}' },
            secrets: { A: { file: '/etc/{who}' }, B: { command: 'pass show {who}' } },
          },
        },
      }),
    );
    const mapping = clustersFor(configuration, 'shop', 'servers/ada');
    const cluster = 'reason' in mapping ? undefined : mapping.clusters[0];
    expect(cluster?.files).toMatchObject({ kind: 'repository', branch: 'ops/ada', subdirectory: 'ada/files' });
    expect(cluster?.variables).toEqual({ greeting: 'hello ada, {other}' });
    expect(cluster?.servers[0]?.variables).toEqual({ home: '/home/ada' });
    expect(cluster?.secrets).toEqual({ A: { file: '/etc/ada' }, B: { command: 'pass show ada' } });
  });

  test('has shared paths with seeds; one that stands there twice, with and without its seed, is one', async () => {
    const shared = [
      'config/local.php',
      { path: 'config/local.php', seed: 'config/local.php.example' },
      { path: 'up/', seed: 'up.example/' },
      'log/',
    ];
    expect((await clusterWith({ shared })).shared).toEqual([
      { path: 'config/local.php', kind: 'file', seed: 'config/local.php.example' },
      { path: 'up', kind: 'directory', seed: 'up.example' },
      { path: 'log', kind: 'directory' },
    ]);
  });

  test.each<[Record<string, unknown>, string]>([
    [{ files: { repository: 'shopp', branch: 'trunk' } }, 'files.repository: there is no repository "shopp"; did you mean "shop"?'],
    [{ files: 4 }, 'files: must be a directory, or an object with repository, branch and subdirectory'],
    [{ files: { repository: 'shop', branch: 'trunk', subdirectory: '../x' } }, 'files.subdirectory: must not hold ".."'],
    [{ variables: { 'a-b': 'x' } }, 'variables.a-b: is not a name'],
    [{ variables: { server: 'x' } }, 'has a meaning of its own'],
    [{ variables: { secret: 'x' } }, 'has a meaning of its own'],
    [{ variables: { a: ['x'] } }, 'variables.a: must be text, a number, true or false'],
    [{ secrets: { A: 'hunter22' } }, 'secrets.A: must be an object'],
    [{ secrets: { A: {} } }, 'secrets.A: must have exactly one of file, environment and command'],
    [{ secrets: { A: { file: 'a', environment: 'A' } } }, 'secrets.A: must have exactly one of file, environment and command'],
    [{ shared: ['a', { path: 'a', seed: 'b' }, { path: 'a', seed: 'c' }] }, 'shared[2]: "a" is shared already by "a"'],
    [{ shared: [{ path: 'a/b', seed: 'x' }, 'a/'] }, 'shared[0]: "a/b" is shared already by "a"'],
    [{ shared: [{ path: 'a', seed: 'b/c' }, 'b/'] }, 'shared[0].seed: "b/c" is itself shared ("b"), so no release has it'],
    [{ shared: [{ path: 'a', seed: '/etc/passwd' }] }, 'shared[0].seed: must be relative'],
  ])('with %j is refused: %s', async (settings, said) => {
    const problems = await workspace.problems(withCluster(settings));
    expect(problems.join('\n')).toContain(said);
    expect(problems.join('\n')).not.toContain('hunter22');
  });
});

test.each<[unknown, string | null]>([
  ['tag', null],
  [{ file: 'VERSION' }, null],
  [{ command: 'cat VERSION' }, null],
  [{ file: 'VERSION', command: 'cat VERSION' }, 'branches[0].build.version: must have one of command and file'],
  [{}, 'branches[0].build.version: must have one of command and file'],
  ['tags', 'branches[0].build.version: must be "tag", or an object with command or file'],
  [{ file: '../VERSION' }, 'branches[0].build.version.file: must not hold ".."'],
])('a build with the version %j is judged: %s', async (version, said) => {
  const value = minimal({ branches: [{ repository: 'shop', branch: 'servers/production', clusters: ['production'], build: { version } }] });
  if (said === null) expect((await workspace.load(value)).configuration.branches[0]?.build.version).toEqual(version);
  else expect((await workspace.problems(value)).join('\n')).toContain(said);
});
