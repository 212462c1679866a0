// The keys `zones`, `zone` and `zoneAddress`: what becomes of them, and what is refused with what is allowed.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { clustersFor } from '../../src/core/mapping.ts';
import { createWorkspace, minimal, withCluster } from './workspace.ts';
import type { Workspace } from './workspace.ts';

const server = (name: string, more: Record<string, unknown> = {}) => ({ name, host: `${name}.example.org`, zone: 'tokyo', ...more });
const servers = [server('t1', { zoneAddress: '10.1.0.1' }), server('t2', { port: 2222, zoneAddress: '[fd00::2]:22' }), server('t3')];
const key = 'clusters.production';

describe('zones', () => {
  let workspace: Workspace;
  beforeAll(async () => {
    workspace = await createWorkspace();
  });
  afterAll(() => workspace.remove());

  const problems = async (settings: Record<string, unknown>) =>
    (await workspace.problems(withCluster({ path: '/srv/shop', servers, ...settings }))).map((line) => line.replace(/^:\d+:\d+ {2}/, ''));

  test('have relays, a key of theirs and a budget; servers say where they lie', async () => {
    const zones = { tokyo: { relays: ['t2', 't1'], identity: '~/.ssh/lockstep_relay', bandwidth: '1.5M' } };
    const { configuration } = await workspace.load(withCluster({ path: '/srv/shop', servers, zones }));
    const cluster = configuration.clusters.get('production');
    expect(cluster?.zones).toEqual({ tokyo: { relays: ['t2', 't1'], identity: '~/.ssh/lockstep_relay', bandwidth: 1_500_000 } });
    expect(cluster?.servers).toMatchObject([
      { zone: 'tokyo', zoneAddress: { host: '10.1.0.1', port: 22 } },
      { zone: 'tokyo', zoneAddress: { host: 'fd00::2', port: 22 } },
      { zone: 'tokyo' },
    ]);
    expect(await problems({ zones: { tokyo: { bandwidth: '10kB' } } })).toEqual([]);
  });

  test('of a pattern cluster may hold its names', async () => {
    const value = {
      ...minimal(),
      branches: [{ repository: 'shop', branch: 'servers/{developer}', clusters: ['sandbox-{developer}'] }],
      clusters: {
        'sandbox-{developer}': {
          path: '/srv/{developer}',
          servers: ['a', 'b'].map((one) =>
            server(`${one}-{developer}`, { host: `${one}.example.org`, zoneAddress: `{developer}.${one}:2222` }),
          ),
          zones: { tokyo: { relays: ['b-{developer}'] } },
        },
      },
    };
    const { configuration } = await workspace.load(value);
    expect(clustersFor(configuration, 'shop', 'servers/anna')).toMatchObject({
      clusters: [
        {
          servers: [{ name: 'a-anna', zoneAddress: { host: 'anna.a', port: 2222 } }, { name: 'b-anna' }],
          zones: { tokyo: { relays: ['b-anna'] } },
        },
      ],
    });
  });

  test.each([
    [{ zones: undefined }, `${key}.servers[0].zone: no zone is called "tokyo"; the cluster has no "zones"`],
    [
      { servers: [...servers, server('t4', { zone: 'tokio' })], zones: { tokyo: { relays: ['t1'] } } },
      `${key}.servers[3].zone: no zone is called "tokio"; the cluster's zones are "tokyo"; did you mean "tokyo"?`,
    ],
    [{ zones: { tokyo: {} } }, `${key}.zones.tokyo: says nothing; name its "relays", or a "bandwidth"`],
    [
      { zones: { tokyo: { relays: ['t1'] }, oslo: { bandwidth: '1M' } } },
      `${key}.zones.oslo: has no servers; write "zone": "oslo" at those that lie there`,
    ],
    [{ zones: { tokyo: { relays: ['t7'] } } }, `${key}.zones.tokyo.relays[0]: "t7" is no server of this cluster; did you mean "t1"?`],
    [{ zones: { tokyo: { relays: ['t1', 't1'] } } }, `${key}.zones.tokyo.relays[1]: "t1" is named twice`],
    [
      { servers: [...servers, { name: 'web', host: 'web.example.org' }], zones: { tokyo: { relays: ['web'] } } },
      `${key}.zones.tokyo.relays[0]: "web" lies in another zone; write "zone": "tokyo" at it`,
    ],
    [
      { servers: [server('t1')], zones: { tokyo: { relays: ['t1'] } } },
      `${key}.zones.tokyo.relays: are of no use: the zone has one server, so there is nobody to hand anything to`,
    ],
    [
      { servers: [...servers, { name: 'here', zone: 'tokyo' }], zones: { tokyo: { relays: ['t1'] } } },
      `${key}.servers[3].zone: has relays, and none of them could reach this server: it has no host`,
    ],
    [
      { servers: [{ name: 'web', host: 'web.example.org', zoneAddress: '10.0.0.1' }], zones: undefined },
      `${key}.servers[0].zoneAddress: needs "zone" beside it`,
    ],
    [
      { servers: [server('t1', { zoneAddress: 'a b' }), ...servers.slice(1)], zones: { tokyo: { bandwidth: '1M' } } },
      `${key}.servers[0]: zoneAddress "a b" is not an address; write "host" or "host:port"`,
    ],
    [
      { zones: { tokyo: { bandwidth: '2 MB' } } },
      `${key}.zones.tokyo.bandwidth: "2 MB" is not a number of bytes per second such as "500k" or "2M"`,
    ],
    [{ zones: { tokyo: { bandwidth: '9k' } } }, `${key}.zones.tokyo.bandwidth: "9k" is too little; at least "10k" is allowed`],
    [
      { zones: { tokyo: { relays: ['t1'], identity: 'keys/relay' } } },
      `${key}.zones.tokyo.identity: "keys/relay" is not an absolute path, or one that begins with "~/"; % and quotes are not allowed`,
    ],
  ])('%j is refused', async (settings, problem) => {
    expect(await problems(settings)).toContainEqual(problem);
  });
});
