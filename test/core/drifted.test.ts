// The mark `drifted`: recorded when it comes, when it changes and when it goes, never at every look.
import { expect, test } from '@jest/globals';
import { apply } from '../../src/core/apply.ts';
import { decideDeploy } from '../../src/core/decide.ts';
import { asOf, decideDrift } from '../../src/core/drifted.ts';
import type { Sighting } from '../../src/core/drifted.ts';
import type { Fresh } from '../../src/core/decide.ts';
import { clusterOf } from '../../src/core/state.ts';
import { sampleCluster, sampleRequest } from '../lab/samples.ts';
import { newState } from './course-of-events.ts';

const cluster = sampleCluster(300);

function openCluster() {
  const state = newState();
  let number = 0;
  const record = (fresh: Fresh): unknown => apply(state, { number: ++number, at: number, ...fresh });
  return {
    state,
    record,
    see(depth: 'tree' | 'content', ...sightings: Sighting[]): string[] {
      const { events } = decideDrift(state, cluster, asOf(state, cluster.name), depth, sightings);
      events.forEach(record);
      return events.map(({ event }) => event.type);
    },
    marked: () => clusterOf(state, cluster.name).record.drifted.map(({ server }) => server),
  };
}

test('the same look again records nothing; another finding does, and so does the end', () => {
  const { see, marked } = openCluster();
  expect(see('tree', { server: 'web1', finding: 'a' }, { server: 'web2', finding: null })).toEqual(['drift-found']);
  expect(see('tree', { server: 'web1', finding: 'a' })).toEqual([]);
  expect(see('tree', { server: 'web1', finding: 'b' })).toEqual(['drift-found']);
  expect(marked()).toEqual(['web1']);
  expect(see('tree', { server: 'web1', finding: null })).toEqual(['drift-ended']);
  expect(marked()).toEqual([]);
});

test('a look that reads no contents cannot end what one that did has found', () => {
  const { see, marked } = openCluster();
  see('content', { server: 'web1', finding: 'changed a (content)' });
  expect(see('tree', { server: 'web1', finding: null })).toEqual([]);
  expect(marked()).toEqual(['web1']);
  expect(see('content', { server: 'web1', finding: null })).toEqual(['drift-ended']);
});

test('at most 200 servers are named, and servers that have left the cluster are not', () => {
  const { see, marked, record } = openCluster();
  see('tree', ...cluster.servers.map(({ name }) => ({ server: name, finding: 'a' })));
  expect(marked()).toHaveLength(200);
  see('tree', { server: 'web1', finding: null });
  record({ deployment: null, event: { type: 'drift-found', cluster: cluster.name, server: 'gone', finding: 'a', depth: 'tree' } });
  expect(marked()).toContain('gone');
  expect(see('tree', { server: 'web250', finding: 'a' })).toEqual(['drift-ended']);
  expect(marked()).not.toContain('gone');
});

test('what was seen before a deployment began is not recorded', () => {
  const { state, record } = openCluster();
  const before = asOf(state, cluster.name);
  decideDeploy(state, sampleRequest(cluster, 'a'.repeat(40))).events.forEach(record);
  record({ deployment: 1, event: { type: 'began', shelf: { good: [], failed: [] }, behind: [] } });
  expect(decideDrift(state, cluster, before, 'tree', [{ server: 'web1', finding: 'a' }])).toEqual({ events: [], result: false });
});
