// The way of a pack: by which relays, or why directly.
import { describe, expect, test } from '@jest/globals';
import { RELAY_FROM_BYTES, neighboursOf, routeOf, zonesText } from '../../src/core/zone.ts';
import { sampleCluster } from '../lab/samples.ts';

const { servers } = sampleCluster(6);
const cluster = sampleCluster(6, {
  servers: servers.map((server, i) => (i < 4 ? { ...server, zone: 'tokyo' } : i === 4 ? { ...server, zone: 'oslo' } : server)),
  zones: {
    tokyo: { relays: ['web3', 'web1'], identity: null, bandwidth: null },
    oslo: { relays: [], identity: null, bandwidth: 500_000 },
  },
});
const LARGE = RELAY_FROM_BYTES;

describe('the way of a pack', () => {
  const way = (index: number, bytes = LARGE, without: readonly string[] = []) => {
    const server = cluster.servers[index];
    if (server === undefined) throw new Error(`no server ${index}`);
    const { relays, why } = routeOf(cluster, server, bytes, ({ name }) => !without.includes(name));
    return `${relays.map((relay) => relay.name).join(' ')}: ${why}`;
  };

  test('leads by the relays of the zone in their order, for the relays too, or directly with the reason', () => {
    expect(way(1)).toBe('web3 web1: zone tokyo');
    expect(way(2)).toBe('web3 web1: zone tokyo');
    expect(way(1, LARGE, ['web3'])).toBe('web1: zone tokyo');
    expect(way(1, LARGE, ['web3', 'web1'])).toBe(': no relay of zone tokyo takes part');
    expect(way(1, LARGE, ['web1', 'web3', 'web4'])).toBe(': no other server of zone tokyo takes part');
    expect(way(1, LARGE - 1)).toBe(': a pack of 65535 bytes is too small for a relay');
    expect(way(4)).toBe(': zone oslo has no relays');
    expect(way(5)).toBe(': it is in no zone');
  });

  test('of a first copy leads by relays that do not take part, too', () => {
    const neighbours = (index: number, bytes = LARGE) =>
      cluster.servers.slice(index, index + 1).flatMap((server) => neighboursOf(cluster, server, bytes).map(({ name }) => name));
    expect([neighbours(1), neighbours(2), neighbours(4), neighbours(5), neighbours(1, LARGE - 1)]).toEqual([
      ['web3', 'web1'],
      ['web1'],
      [],
      [],
      [],
    ]);
  });

  test('is told for every server', () => {
    expect(zonesText(cluster).split('; ')).toEqual([
      'zone tokyo: once to relay web3, which hands it to web1, web2, web4 (else by web1, else directly)',
      'zone oslo: directly to web5 (no relays, at most 500000 bytes/s, what changed as a patch)',
      'directly to web6 (in no zone)',
    ]);
    expect(zonesText(sampleCluster(2))).toBe('');
  });
});
