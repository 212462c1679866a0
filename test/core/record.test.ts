// What a cluster remembers: releases by what became of them, servers by what they serve, and what stays on the servers.
import { describe, expect, test } from '@jest/globals';
import { apply } from '../../src/core/apply.ts';
import type { Cluster } from '../../src/core/cluster.ts';
import { decideRollback } from '../../src/core/decide-back.ts';
import { decideBegin } from '../../src/core/decide-queue.ts';
import { behindOf, decideCatchUp, decideDeploy } from '../../src/core/decide.ts';
import type { Fresh } from '../../src/core/decide.ts';
import type { Deployment } from '../../src/core/deployment.ts';
import type { Facts } from '../../src/core/event.ts';
import { next } from '../../src/core/next.ts';
import type { Effect } from '../../src/core/next.ts';
import { keptBy, retained } from '../../src/core/retention.ts';
import { clusterOf } from '../../src/core/state.ts';
import { pastReleaseViews } from '../../src/core/view-of.ts';
import { sampleCluster, sampleCommand, sampleCommands, sampleRequest, sampleVerification } from '../lab/samples.ts';
import { newState } from './course-of-events.ts';

type Fault = (effect: Effect) => 'unreachable' | 'command' | null;
const none: Fault = () => null;

/** A request without what its kind decides. */
const orderOf = (cluster: Cluster): Parameters<typeof decideCatchUp>[1] & { reason: string } => {
  const { repository, branch, build, requestedBy, reason } = sampleRequest(cluster, '');
  return { cluster, repository, branch, build, requestedBy, reason };
};

/** A cluster and its servers in memory: what each serves, and what was kept there. */
function fleet() {
  const state = newState();
  let number = 0;
  const serves = new Map<string, string | null>();
  const shelves = new Map<string, Set<string>>();
  const record = (fresh: Fresh): Deployment | null => {
    number += 1;
    return apply(state, { number, at: number, ...fresh });
  };

  function factsOf({ action, direction, server }: Effect, deployment: Deployment): Facts {
    const name = server === null ? '' : (deployment.cluster.servers[server]?.name ?? '');
    const member = server === null ? undefined : deployment.members[server];
    const shelf = shelves.get(name) ?? new Set<string>();
    shelves.set(name, shelf);
    if (action === 'build') return { artifact: deployment.revision.repeat(64), release: `release-${deployment.revision}` };
    if (action === 'schedule') return { current: serves.get(name) ?? null };
    if (action === 'upload') shelf.add(deployment.release ?? '');
    if (action === 'collect' && member !== undefined) {
      const kept = keptBy(deployment, member);
      for (const id of shelf) if (!kept.includes(id) && id !== serves.get(name)) shelf.delete(id);
    }
    if (action !== 'switch') return {};
    const before = serves.get(name) ?? null;
    serves.set(name, direction === 'forward' ? deployment.release : (member?.previous ?? null));
    return { current: direction === 'forward' ? before : (serves.get(name) ?? null) };
  }

  function run(events: readonly Fresh[], fault: Fault): Deployment {
    events.forEach(record);
    let deployment = decideBegin(state, 0).map(record).at(-1) as Deployment;
    while (deployment.state !== 'ended') {
      const effects = next(deployment);
      if (effects.length === 0) throw new Error(`stuck at stage ${deployment.at}`);
      for (const { stage, server } of effects) {
        deployment = record({ deployment: deployment.number, event: { type: 'started', stage, server } }) as Deployment;
      }
      for (const effect of effects) {
        const { stage, server } = effect;
        const code = fault(effect);
        const problem = { code: code ?? 'command', message: `${effect.action} failed`, detail: null } as const;
        const event =
          code === null
            ? ({ type: 'finished', stage, server, facts: factsOf(effect, deployment) } as const)
            : ({ type: 'failed', stage, server, problem } as const);
        record({ deployment: deployment.number, event });
      }
    }
    return deployment;
  }

  return {
    state,
    serves,
    shelves,
    record: () => clusterOf(state, 'production').record,
    deploy: (cluster: Cluster, revision: string, fault = none) => run(decideDeploy(state, sampleRequest(cluster, revision)).events, fault),
    rollBack: (cluster: Cluster, to: string | null = null, fault = none) => {
      return run(decideRollback(state, { ...orderOf(cluster), purpose: 'roll-back', to }).events, fault);
    },
    catchUp: (cluster: Cluster, server: string, fault = none) => {
      return run(decideCatchUp(state, orderOf(cluster), server).events, fault);
    },
    releases: (cluster: Cluster) =>
      pastReleaseViews(clusterOf(state, 'production').record, cluster).map(
        ({ id, state: one, present }) => `${id.slice(8)} ${one} ${present}`,
      ),
  };
}

const on =
  (action: string, server?: number): Fault =>
  (effect) =>
    effect.action === action && effect.direction === 'forward' && (server === undefined || effect.server === server) ? 'command' : null;

describe('the record of a cluster', () => {
  const checked = sampleCluster(3, { verify: sampleVerification('http://{host}/'), keep: 2, keepFailed: 1 });

  test('names releases live, good, failed, bad by what became of them', () => {
    const shop = fleet();
    shop.deploy(checked, 'a');
    shop.deploy(checked, 'b');
    shop.deploy(checked, 'c', on('switch', 1));
    expect(shop.deploy(checked, 'd', on('verify', 2)).result).toBe('rolled-back');
    expect(shop.releases(checked)).toEqual(['b live 3', 'a good 3', 'd bad 3', 'c failed 0']);
    shop.rollBack(checked);
    expect(shop.releases(checked)).toEqual(['a live 3', 'b bad 3', 'd bad 0', 'c failed 0']);
    expect(shop.record().held).toMatchObject({ revision: 'b' });
    shop.deploy(checked, 'e');
    expect(shop.record().held).toBeNull();
    expect(shop.releases(checked).slice(0, 3)).toEqual(['e live 3', 'a good 3', 'b bad 3']);
  });

  test('keeps on the servers what it says is there, and always what a roll back needs (I7)', () => {
    const shop = fleet();
    const cluster = { ...checked, keep: 1 };
    const faults = [none, none, on('switch', 0), on('verify', 1), none, on('lock', 2), none, on('verify', 0), on('verify', 0)];
    for (const [i, fault] of faults.entries()) {
      shop.deploy(cluster, `r${i}`, fault);
      const kept = retained(shop.record(), cluster);
      const good = shop.record().releases.slice(0, 2);
      for (const server of cluster.servers) {
        const shelf = shop.shelves.get(server.name) ?? new Set();
        expect([...kept].filter((id) => !shelf.has(id))).toEqual([]);
        for (const { id } of good) expect(shelf.has(id)).toBe(true);
        expect(shelf.size).toBeLessThanOrEqual(kept.size + 1);
      }
    }
  });

  test('goes back to a named release that was live, and refuses one that never was, with its reason', () => {
    const shop = fleet();
    for (const revision of ['a', 'b', 'c']) shop.deploy(checked, revision);
    shop.deploy(checked, 'd', on('switch', 0));
    expect(() => shop.rollBack(checked, 'release-d')).toThrow(
      /release-d was never live on production \(failed: switch failed\); nothing was changed/,
    );
    shop.rollBack(checked, 'release-a');
    expect([...shop.serves.values()]).toEqual(['release-a', 'release-a', 'release-a']);
  });

  test('changes without migrating the database when it goes to what was live', () => {
    const shop = fleet();
    const migrating = sampleCluster(2, { maxFailures: { servers: 1 }, commands: sampleCommands({ migrate: sampleCommand }) });
    const migrates = ({ course }: Deployment): boolean => course.some(({ action }) => action === 'migrate');
    expect(migrates(shop.deploy(migrating, 'a'))).toBe(true);
    shop.deploy(migrating, 'b', on('upload', 1));
    expect(migrates(shop.catchUp(migrating, 'web2'))).toBe(false);
    expect(migrates(shop.rollBack(migrating))).toBe(false);
  });

  test('lists what all servers served before the first deployment, if it was one and the same', () => {
    const shop = fleet();
    for (const server of checked.servers) shop.serves.set(server.name, '20260101120000');
    shop.deploy(checked, 'a');
    expect(shop.record().releases.map(({ id, artifact }) => [id, artifact])).toEqual([
      ['release-a', 'a'.repeat(64)],
      ['20260101120000', null],
    ]);
    shop.rollBack(checked);
    expect([...new Set(shop.serves.values())]).toEqual(['20260101120000']);
    const other = fleet();
    other.serves.set('web1', '20260101120000');
    other.deploy(checked, 'a');
    expect(other.record().releases).toHaveLength(1);
  });
});

describe('a server that was left behind', () => {
  const tolerant = sampleCluster(3, { maxFailures: { servers: 1 } });

  test('is locked with the others, catches up alone, and changes nothing else in the record', () => {
    const shop = fleet();
    shop.deploy(tolerant, 'a');
    const deployment = shop.deploy(tolerant, 'b', on('upload', 1));
    expect(deployment.result).toBe('done');
    expect(deployment.members[1]).toMatchObject({ excluded: 'behind', mayBeLocked: true });
    expect(shop.releases(tolerant)).toEqual(['b live 2', 'a good 3']);
    expect(behindOf(shop.record(), tolerant).map(({ name }) => name)).toEqual(['web2']);
    const before = shop.record();
    expect(shop.catchUp(tolerant, 'web2', on('upload'))).toMatchObject({ result: 'failed', purpose: 'catch-up' });
    expect(behindOf(shop.record(), tolerant)).toHaveLength(1);
    const caughtUp = shop.catchUp(tolerant, 'web2');
    expect(caughtUp.cluster.servers.map(({ name }) => name)).toEqual(['web2']);
    expect(behindOf(shop.record(), tolerant)).toEqual([]);
    expect(shop.releases(tolerant)).toEqual(['b live 3', 'a good 3']);
    const { servers, missing } = shop.record();
    expect(shop.record()).toEqual({ ...before, servers, missing });
  });

  test('is new in the configuration, and lacks the older releases', () => {
    const shop = fleet();
    shop.deploy(tolerant, 'a');
    shop.deploy(tolerant, 'b');
    const larger = sampleCluster(4);
    expect(behindOf(shop.record(), larger).map(({ name }) => name)).toEqual(['web4']);
    shop.catchUp(larger, 'web4');
    expect(shop.releases(larger)).toEqual(['b live 4', 'a good 3']);
    expect(pastReleaseViews(shop.record(), larger)[1]?.missing).toEqual(['web4']);
  });

  test('is not unlocked when a deployment that included it goes back, for it would serve what the others do not', () => {
    const shop = fleet();
    shop.deploy(tolerant, 'a');
    shop.deploy(tolerant, 'b', on('upload', 1));
    const { members, result } = shop.deploy(tolerant, 'c', on('switch', 0));
    expect(result).toBe('failed');
    expect(members[1]?.wasBehind).toBe(true);
    expect(behindOf(shop.record(), tolerant).map(({ name }) => name)).toEqual(['web2']);
  });

  test('is not caught up while its cluster is busy, locked by a person, or has nothing live', () => {
    const shop = fleet();
    const order = orderOf(tolerant);
    expect(decideCatchUp(shop.state, order, 'web1').result).toBeNull();
    shop.deploy(tolerant, 'a');
    expect(decideCatchUp(shop.state, order, 'web1').result).toBeNull();
    shop.deploy(tolerant, 'b', on('upload', 1));
    decideDeploy(shop.state, sampleRequest(tolerant, 'c')).events.forEach((fresh) => apply(shop.state, { number: 999, at: 999, ...fresh }));
    expect(decideCatchUp(shop.state, order, 'web2').result).toBeNull();
  });
});
