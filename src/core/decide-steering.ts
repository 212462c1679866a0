// What people ask of one deployment: to stop, pause, go on, leave a server out, or count a migration as done.
import type { Decision } from './decide.ts';
import type { Deployment } from './deployment.ts';
import { DeployError } from './errors.ts';
import type { State } from './state.ts';
import { isAbortable, isPausable, isSkippable } from './steerable.ts';

/** Rejects with `not-found` or `conflict`. */
export function decideAbort(state: State, number: number, by: string): Decision<string> {
  const deployment = running(state, number);
  if (!isAbortable(deployment)) {
    const why =
      deployment.state === 'going-back' || deployment.abortedBy !== null
        ? 'it is going back already'
        : 'the cluster has decided to go forward; wait for its end, then: lockstep rollback';
    throw new DeployError('conflict', `deployment ${number} cannot be aborted: ${why}`);
  }
  return {
    events: [{ deployment: number, event: { type: 'abort-requested', by } }],
    result: `deployment ${number} is being aborted; every server keeps or gets back what it served`,
  };
}

/** Rejects with `not-found` or `conflict`. */
export function decidePause(state: State, number: number, by: string): Decision<string> {
  const deployment = running(state, number);
  if (deployment.pausedBy !== null) throw new DeployError('conflict', `deployment ${number} is paused already by ${deployment.pausedBy}`);
  if (!isPausable(deployment)) {
    throw new DeployError(
      'conflict',
      `deployment ${number} cannot be paused: it has begun to change what users see and goes on to its end`,
    );
  }
  return {
    events: [{ deployment: number, event: { type: 'paused', by } }],
    result: `deployment ${number} is paused; what is under way ends, nothing new begins until: lockstep resume ${number}`,
  };
}

/** Rejects with `not-found` or `conflict`. */
export function decideResume(state: State, number: number, by: string): Decision<string> {
  if (running(state, number).pausedBy === null) throw new DeployError('conflict', `deployment ${number} is not paused`);
  return { events: [{ deployment: number, event: { type: 'resumed', by } }], result: `deployment ${number} goes on` };
}

/** A server is left out of a running deployment. Rejects with `not-found` or `conflict`. */
export function decideSkip(state: State, number: number, name: string, by: string): Decision<string> {
  const deployment = running(state, number);
  const server = deployment.cluster.servers.findIndex((one) => one.name === name);
  if (server < 0) throw new DeployError('not-found', `deployment ${number} has no server ${name}; see: lockstep show ${number}`);
  if (!isSkippable(deployment, server)) {
    const why =
      deployment.members[server]?.excluded === null
        ? 'that is possible before the lock only, and as long as another server remains'
        : 'it is left out already';
    throw new DeployError('conflict', `${name} cannot be skipped in deployment ${number}: ${why}`);
  }
  return {
    events: [{ deployment: number, event: { type: 'skipped', server, by } }],
    result: `${name} is left out of deployment ${number} and catches up afterwards`,
  };
}

/** Rejects with `not-found` or `conflict`. */
export function decideSettle(state: State, number: number, done: boolean, by: string): Decision<string> {
  const deployment = running(state, number);
  if (deployment.state !== 'needs-operator') {
    throw new DeployError('conflict', `deployment ${number} does not wait for an operator; nothing to settle`);
  }
  return {
    events: [{ deployment: number, event: { type: 'settled', done, by } }],
    result: done
      ? `deployment ${number} goes on: its migration counts as done`
      : `deployment ${number} goes back: its migration counts as not done`,
  };
}

export function running(state: State, number: number): Deployment {
  const deployment = state.deployments.get(number);
  if (deployment === undefined) throw new DeployError('not-found', `deployment ${number} is not running; see: lockstep history`);
  return deployment;
}
