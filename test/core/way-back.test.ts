// The way back: whatever was reached, it locks before it switches, and it says what it could not do.
import { describe, expect, test } from '@jest/globals';
import { apply } from '../../src/core/apply.ts';
import { decideBegin } from '../../src/core/decide-queue.ts';
import { decideDeploy } from '../../src/core/decide.ts';
import type { Deployment } from '../../src/core/deployment.ts';
import { evolve } from '../../src/core/evolve.ts';
import { next } from '../../src/core/next.ts';
import type { Effect } from '../../src/core/next.ts';
import type { Recorded } from '../../src/core/event.ts';
import { deploymentView } from '../../src/core/view-of.ts';
import { sampleCluster, sampleCommand, sampleRequest, sampleVerification } from '../lab/samples.ts';
import { answer, deploy, newState } from './course-of-events.ts';
import type { Chance } from './course-of-events.ts';

const failing = (when: (effect: Effect) => 'unreachable' | 'command' | 'ambiguous' | null): Chance => ({
  pick: () => 0,
  failure: when,
  abort: () => false,
});

const withMigration = () => {
  const plain = sampleCluster(3);
  return { ...plain, commands: { ...plain.commands, migrate: sampleCommand } };
};

const stagesBack = (deployment: Deployment): string[] =>
  deployment.course.filter((stage) => stage.direction === 'back').map((stage) => stage.action);

describe('on the way back', () => {
  test('servers are locked again before the first is switched, also when their locks have ended while an operator was waited for', () => {
    const { deployment } = deploy(
      withMigration(),
      failing((effect) => (effect.action === 'migrate' ? 'ambiguous' : null)),
      () => undefined,
    );
    expect(deployment.state).toBe('needs-operator');
    evolve(deployment, { type: 'settled', done: false, by: 'yuri' }, 1);
    expect(stagesBack(deployment)).toEqual(['lock', 'decide', 'switch', 'unlock', 'collect']);
    expect(next(deployment).map(({ action, server }) => [action, server])).toEqual([
      ['lock', 0],
      ['lock', 1],
      ['lock', 2],
    ]);
  });

  test('nothing is switched or decided when no server was switched', () => {
    const chance = failing((effect) => (effect.action === 'lock' && effect.server === 1 ? 'command' : null));
    const { deployment } = deploy(sampleCluster(3), chance, () => undefined);
    expect(deployment.result).toBe('failed');
    expect(stagesBack(deployment)).toEqual(['unlock', 'collect']);
  });

  test('a server that cannot be taken back is named in the reason, and the result is failed', () => {
    const chance = failing((effect) => {
      if (effect.action === 'verify' && effect.server === 0) return 'command';
      return effect.direction === 'back' && effect.action === 'switch' && effect.server === 2 ? 'unreachable' : null;
    });
    const cluster = { ...sampleCluster(3), verify: sampleVerification('http://{host}/') };
    const { deployment } = deploy(cluster, chance, () => undefined);
    expect(deployment.result).toBe('failed');
    expect(deployment.problem?.message).toMatch(/Not taken back: web3; .*lockstep deploy production/);
  });

  test('an abort leaves no server marked as failed', () => {
    const state = newState();
    let number = 0;
    const record = (fresh: object): Deployment | null => apply(state, { number: ++number, at: number, ...fresh } as Recorded);
    decideDeploy(state, sampleRequest(sampleCluster(2), 'a')).events.forEach(record);
    const [began] = decideBegin(state, 0);
    const deployment = record(began as object) as Deployment;
    const [build] = next(deployment);
    record({ deployment: 1, event: { type: 'started', stage: 0, server: null } });
    record(answer(build as Effect, null));
    for (const { stage, server } of next(deployment)) record({ deployment: 1, event: { type: 'started', stage, server } });
    record({ deployment: 1, event: { type: 'abort-requested', by: 'yuri' } });
    const problem = { code: 'aborted', message: 'aborted', detail: null };
    for (const server of [0, 1]) record({ deployment: 1, event: { type: 'failed', stage: 1, server, problem } });
    expect(deployment).toMatchObject({ state: 'ended', result: 'aborted', problem: { message: 'aborted by yuri' } });
    expect(deploymentView(deployment).servers.map(({ state: one }) => one)).toEqual(['idle', 'idle']);
  });
});

describe('a request for the revision that is live', () => {
  test('is a new deployment when a server was left out or is new in the configuration', () => {
    const state = newState();
    const cluster = sampleCluster(2);
    const { journal } = deploy(
      cluster,
      failing(() => null),
      () => undefined,
    );
    for (const recorded of journal) apply(state, recorded);
    const revision = 'a'.repeat(40);
    expect(decideDeploy(state, sampleRequest(cluster, revision)).result.kind).toBe('already-live');
    expect(decideDeploy(state, sampleRequest(sampleCluster(3), revision)).result.kind).toBe('deployment');
  });
});

describe('built-in migrations', () => {
  const settings = { directory: 'db', database: 'sqlite:///srv/shop.db', password: null, when: 'after-switch', lint: 'off' } as const;
  const ambiguousOnce = (when: 'after-switch' | 'before-lock') => {
    const chance = failing((effect) => (effect.action === 'migrate' ? 'ambiguous' : null));
    return deploy({ ...sampleCluster(2), migrations: { ...settings, when } }, chance, () => undefined).deployment;
  };

  test('that were settled as done are performed again under the same name, for the files after the one that was settled', () => {
    const deployment = ambiguousOnce('after-switch');
    expect(deployment.state).toBe('needs-operator');
    evolve(deployment, { type: 'settled', done: true, by: 'yuri' }, 1);
    const [again, ...others] = next(deployment) as [Effect, ...Effect[]];
    expect(others).toEqual([]);
    expect(again).toMatchObject({ action: 'migrate', server: null, resumed: false });
    const event = { stage: again.stage, server: null } as const;
    evolve(deployment, { type: 'started', ...event }, 2);
    expect(next(deployment)).toEqual([]);
    evolve(deployment, { type: 'finished', ...event, facts: {} }, 3);
    expect(deployment.problem).toBeNull();
    expect(next(deployment).map(({ action }) => action)).toEqual(['unlock', 'unlock']);
  });

  test('may be settled more than once: each file can leave its own question', () => {
    const deployment = ambiguousOnce('after-switch');
    const event = { stage: deployment.at, server: null } as const;
    const problem = { code: 'ambiguous', message: 'nobody knows', detail: null } as const;
    for (let i = 1; i < 4; i++) {
      evolve(deployment, { type: 'settled', done: true, by: 'yuri' }, i);
      evolve(deployment, { type: 'started', ...event }, i);
      evolve(deployment, { type: 'failed', ...event, problem }, i);
      expect(deployment.state).toBe('needs-operator');
    }
    evolve(deployment, { type: 'settled', done: false, by: 'yuri' }, 5);
    expect(stagesBack(deployment)).toEqual(['lock', 'decide', 'switch', 'unlock', 'collect']);
  });

  test('before the lock stand between upload and lock, and going back from them touches no server', () => {
    const deployment = ambiguousOnce('before-lock');
    const actions = deployment.course.map(({ action }) => action);
    expect(actions).toEqual(['build', 'schedule', 'upload', 'migrate', 'lock', 'switch', 'decide', 'unlock', 'collect']);
    expect(deploymentView(deployment).servers.map(({ state }) => state)).toEqual(['uploaded', 'uploaded']);
    evolve(deployment, { type: 'settled', done: false, by: 'yuri' }, 1);
    expect(stagesBack(deployment)).toEqual(['collect']);
  });
});
