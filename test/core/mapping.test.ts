import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Cluster } from '../../src/core/cluster.ts';
import type { BranchRule, Configuration } from '../../src/core/configuration.ts';
import { branchesOf, clusterCollision, clustersFor, knownClusters, sourceOf } from '../../src/core/mapping.ts';
import type { Branch } from '../../src/core/mapping.ts';
import type { Repository } from '../../src/core/repository.ts';
import { sampleCluster, sampleCommands, sampleRepository, sampleVerification } from '../lab/samples.ts';

const build = { command: null, output: '.', subdirectory: '.', timeoutMs: 1000, cache: [], environment: {}, network: true };

const rule = (branch: string, clusters: string[], repository = 'shop'): BranchRule => ({ repository, branch, clusters, build });

function cluster(name: string, path = `/srv/${name}`, changes: Partial<Cluster> = {}): Cluster {
  return sampleCluster(1, {
    name,
    servers: [{ name: 'box', transport: 'local', host: 'localhost', port: 22, user: null, path }],
    ...changes,
  });
}

function configuration(rules: BranchRule[], clusters: Cluster[]): Configuration {
  const repository = (name: string): [string, Repository] => [name, { ...sampleRepository, name }];
  return {
    project: 'shop',
    notices: { page: null, allow: [], targets: [] },
    repositories: new Map([repository('shop'), repository('portal')]),
    branches: rules,
    clusters: new Map(clusters.map((one) => [one.name, one])),
  };
}

const shop = configuration(
  [
    rule('servers/{developer}', ['sandbox-{developer}']),
    rule('servers/qa-{developer}', ['qa-{developer}']),
    rule('servers/production', ['production', 'demo']),
    rule('trunk', ['portal'], 'portal'),
  ],
  [cluster('production'), cluster('demo'), cluster('portal'), cluster('sandbox-{developer}'), cluster('qa-{developer}')],
);

const names = (branch: string, repository = 'shop'): string[] | string => {
  const mapping = clustersFor(shop, repository, branch);
  return 'reason' in mapping ? mapping.reason : mapping.clusters.map((one) => one.name);
};

const on = (branch: string, repository = 'shop'): Branch => ({ repository, branch });

describe('a branch', () => {
  test('feeds all clusters of its rule', () => {
    expect(names('servers/production')).toEqual(['production', 'demo']);
    expect(names('trunk', 'portal')).toEqual(['portal']);
  });

  test('that a pattern matches feeds one cluster of its own', () => {
    expect(names('servers/yuri.popoff')).toEqual(['sandbox-yuri.popoff']);
  });

  test('is mapped by the exact rule before a pattern, and by the pattern with more literal characters', () => {
    expect(names('servers/qa-anna')).toEqual(['qa-anna']);
    expect(names('servers/production')).toEqual(['production', 'demo']);
  });

  test('of another repository, of an unknown one, or without a rule feeds none and says why', () => {
    expect(names('trunk')).toBe('no cluster is configured for branch "trunk" of shop');
    expect(names('main', 'nothing')).toBe('no repository "nothing" is configured');
    expect(names('servers/a/b')).toContain('no cluster is configured');
  });

  test('with a hostile name is ignored or gets a safe cluster', () => {
    for (const branch of ['constructor', '__proto__', 'toString', 'hasOwnProperty', 'a'.repeat(4096)]) {
      expect(names(branch)).toContain('no cluster is configured');
      expect(names('main', branch)).toContain('no repository');
    }
    for (const value of ['__proto__', '..', '-rf', '$(id)', 'a b', 'Юрий', '{developer}', '\u202e', 'x'.repeat(4096)]) {
      const [name = ''] = names(`servers/${value}`) as string[];
      expect(name).toMatch(/^sandbox-[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/);
    }
    expect(names('servers/constructor')).toEqual(['sandbox-constructor']);
  });

  test('cannot take the name of another cluster of the configuration', () => {
    const taken = configuration(
      [rule('servers/{developer}', ['sandbox-{developer}'])],
      [cluster('sandbox-{developer}'), cluster('sandbox-anna', '/srv/anna')],
    );
    expect(clustersFor(taken, 'shop', 'servers/anna')).toEqual({
      reason: 'branch "servers/anna" would be cluster sandbox-anna, which is another cluster of the configuration',
    });
  });

  test('never leads outside its directory or into a shell, whatever it is called (property)', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 100 }), (value) => {
        const mapping = clustersFor(shop, 'shop', `servers/${value}`);
        if ('reason' in mapping) return;
        for (const one of mapping.clusters) {
          if (!one.name.startsWith('sandbox-')) continue;
          expect(one.servers[0]?.path).toMatch(/^\/srv\/sandbox-[A-Za-z0-9][A-Za-z0-9._-]*$/);
          expect(one.name.length).toBeLessThanOrEqual(71);
        }
      }),
      { numRuns: 1000 },
    );
  });

  test('is mapped quickly however long its name is', () => {
    const start = performance.now();
    for (let i = 0; i < 200; i++) clustersFor(shop, 'shop', `servers/${'a'.repeat(4096)}!`);
    expect(performance.now() - start).toBeLessThan(5000);
  });
});

describe('a pattern cluster', () => {
  test('has its variables filled in everywhere but in {host}, {server} and the shell’s own', () => {
    const rich = cluster('sandbox-{developer}', '/srv/{developer}', {
      servers: [
        {
          name: 'box-{developer}',
          transport: 'ssh',
          host: '{developer}.example.org',
          port: 22,
          user: '{developer}',
          path: '/srv/{developer}',
        },
      ],
      commands: sampleCommands({
        lock: { run: 'stop {developer} ${developer} {other}', timeoutMs: 1, on: null },
        migrate: { run: 'migrate', timeoutMs: 1, on: 'box-{developer}' },
      }),
      migrations: {
        directory: 'db/{developer}',
        database: 'mysql://{developer}@db/shop_{developer}',
        password: { file: '/secrets/{developer}' },
        when: 'after-switch',
        lint: 'warn',
      },
      layout: { a: 'a', b: 'b', config: '/etc/nginx/{developer}.conf', test: 'nginx -t', reload: 'reload {developer}' },
      verify: sampleVerification('http://{host}/{server}/{developer}'),
    });
    const mapping = clustersFor(configuration([rule('servers/{developer}', [rich.name])], [rich]), 'shop', 'servers/anna');
    if ('reason' in mapping) throw new Error(mapping.reason);
    expect(mapping.clusters[0]).toMatchObject({
      name: 'sandbox-anna',
      servers: [{ name: 'box-anna', host: 'anna.example.org', user: 'anna', path: '/srv/anna' }],
      commands: { lock: { run: 'stop anna ${developer} {other}' }, migrate: { on: 'box-anna' } },
      migrations: { directory: 'db/anna', database: 'mysql://anna@db/shop_anna', password: { file: '/secrets/anna' } },
      layout: { config: '/etc/nginx/anna.conf', reload: 'reload anna' },
      verify: { http: [{ url: 'http://{host}/{server}/anna' }] },
    });
  });
});

describe('a collision of clusters', () => {
  const both = configuration(
    [rule('{team}/{developer}', ['sandbox-{team}-{developer}'])],
    [cluster('sandbox-{team}-{developer}', '/srv/{team}/{developer}')],
  );

  test('refuses the later of two branches that would be the same cluster, and not the earlier', () => {
    const known = [on('a-b/c'), on('a/b-c')];
    expect(clusterCollision(both, known, on('a/b-c'))).toBe('cluster sandbox-a-b-c already belongs to branch "a-b/c" of shop');
    expect(clusterCollision(both, known, on('a-b/c'))).toBeNull();
    expect(clusterCollision(both, known, on('a/c'))).toBeNull();
    expect(clusterCollision(both, [on('a-b/c')], on('a/b-c'))).not.toBeNull();
  });

  test('refuses a branch whose server is a directory of another cluster', () => {
    const rules = [rule('servers/{developer}', ['sandbox-{developer}'])];
    const fixed = configuration(rules, [cluster('sandbox-{developer}', '/srv/{developer}'), cluster('live', '/srv/live')]);
    expect(clusterCollision(fixed, [], on('servers/live'))).toBe(
      'server box (/srv/live) of cluster sandbox-live already belongs to cluster live',
    );
    expect(clusterCollision(fixed, [on('servers/anna')], on('servers/yuri'))).toBeNull();
  });

  test('never gives two branches the same cluster unless it says so (property)', () => {
    const value = fc.string({ minLength: 1, maxLength: 6 }).filter((text) => !text.includes('/'));
    fc.assert(
      fc.property(value, value, (one, two) => {
        fc.pre(one !== two);
        const [a, b] = [names(`servers/${one}`), names(`servers/${two}`)];
        const collision = clusterCollision(shop, [on(`servers/${one}`)], on(`servers/${two}`));
        if (JSON.stringify(a) === JSON.stringify(b)) expect(collision).not.toBeNull();
      }),
    );
  });
});

describe('the known clusters', () => {
  test('are the fixed ones, and those of the branches that exist', () => {
    const branches = [on('servers/anna'), on('servers/production'), on('servers/yuri'), on('unmapped')];
    expect(knownClusters(shop, branches).map((one) => one.name)).toEqual(['production', 'demo', 'portal', 'sandbox-anna', 'sandbox-yuri']);
    expect(knownClusters(shop, []).map((one) => one.name)).toEqual(['production', 'demo', 'portal']);
  });

  test('have the branch that feeds them', () => {
    expect(sourceOf(shop, 'demo', [])).toMatchObject({ repository: 'shop', branch: 'servers/production', build });
    expect(sourceOf(shop, 'portal', [])).toMatchObject({ repository: 'portal', branch: 'trunk' });
    expect(sourceOf(shop, 'sandbox-anna', [])).toBeNull();
    expect(sourceOf(shop, 'sandbox-anna', [on('servers/yuri'), on('servers/anna')])).toMatchObject({
      branch: 'servers/anna',
      cluster: { name: 'sandbox-anna', servers: [{ path: '/srv/sandbox-anna' }] },
    });
    expect(sourceOf(shop, 'sandbox-{developer}', [on('servers/anna')])).toBeNull();
    expect(sourceOf(shop, 'constructor', [])).toBeNull();
  });

  test('of a branch that is itself called like the pattern have filled-in names', () => {
    expect(names('servers/{developer}')).toEqual([expect.stringMatching(/^sandbox-developer-[0-9a-f]{6}$/)]);
  });
});

test('the branches of a repository are those that its rules name', () => {
  expect(branchesOf(shop, 'shop')).toEqual(['servers/{developer}', 'servers/qa-{developer}', 'servers/production']);
  expect(branchesOf(shop, 'portal')).toEqual(['trunk']);
  expect(branchesOf(shop, 'constructor')).toEqual([]);
});
