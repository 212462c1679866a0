// The word for what one server of a deployment is doing.
import type { Deployment, Member } from './deployment.ts';
import type { ServerState } from './server.ts';
import type { Action, Direction } from './step.ts';

type Words = readonly [waiting: ServerState, running: ServerState, done: ServerState];

const FORWARD: Readonly<Record<Action, Words>> = {
  build: ['idle', 'idle', 'idle'],
  schedule: ['scheduled', 'scheduled', 'scheduled'],
  upload: ['scheduled', 'uploading', 'uploaded'],
  exercise: ['uploaded', 'uploaded', 'uploaded'],
  drain: ['uploaded', 'locking', 'locking'],
  lock: ['uploaded', 'locking', 'locked'],
  switch: ['locked', 'switching', 'switched'],
  install: ['switched', 'switched', 'switched'],
  decide: ['switched', 'switched', 'switched'],
  migrate: ['switched', 'switched', 'switched'],
  probe: ['switched', 'switched', 'switched'],
  unlock: ['switched', 'unlocking', 'live'],
  verify: ['live', 'live', 'live'],
  confirm: ['live', 'live', 'live'],
  readd: ['live', 'live', 'live'],
  collect: ['live', 'live', 'live'],
};

const BACK: Readonly<Partial<Record<Action, Words>>> = {
  lock: ['live', 'locking', 'locked'],
  decide: ['locked', 'locked', 'locked'],
  switch: ['locked', 'switching', 'switched'],
  install: ['switched', 'switched', 'switched'],
  unlock: ['locked', 'unlocking', 'live'],
  readd: ['live', 'live', 'live'],
  collect: ['live', 'live', 'live'],
};

/** What a member of a stage is doing there; `null`: the stage has no word for it. */
export function stateIn(action: Action, direction: Direction, status: 'waiting' | 'running' | 'done'): ServerState | null {
  const row = (direction === 'forward' ? FORWARD : BACK)[action];
  return row?.[status === 'waiting' ? 0 : status === 'done' ? 2 : 1] ?? null;
}

export function serverState(deployment: Deployment, member: Member): ServerState {
  if (member.excluded !== null) return member.excluded;
  if (member.problem !== null) return member.problem.code === 'unreachable' ? 'unreachable' : 'failed';
  if (deployment.state === 'waiting') return 'idle';
  if (deployment.state === 'ended') return member.release === undefined || member.release === null ? 'idle' : 'live';
  const stage = deployment.course[deployment.at];
  if (stage === undefined) return 'idle';
  // A migration before the lock finds servers that have not switched yet.
  if (stage.action === 'migrate' && !member.mayHaveSwitched) return 'uploaded';
  const isHere = member.at === deployment.at;
  return stateIn(stage.action, stage.direction, !isHere ? 'waiting' : member.status === 'done' ? 'done' : 'running') ?? 'idle';
}
