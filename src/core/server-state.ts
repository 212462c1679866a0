// The word for what one server of a deployment is doing.
import type { Deployment, Member } from './deployment.ts';
import type { ServerState } from './server.ts';
import type { Action } from './step.ts';

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

export function serverState(deployment: Deployment, member: Member): ServerState {
  if (member.excluded !== null) return member.excluded;
  if (member.problem !== null) return member.problem.code === 'unreachable' ? 'unreachable' : 'failed';
  if (deployment.state === 'waiting') return 'idle';
  if (deployment.state === 'ended') return member.release === undefined || member.release === null ? 'idle' : 'live';
  const stage = deployment.course[deployment.at];
  if (stage === undefined) return 'idle';
  // A migration before the lock finds servers that have not switched yet.
  if (stage.action === 'migrate' && !member.mayHaveSwitched) return 'uploaded';
  const row = (stage.direction === 'forward' ? FORWARD : BACK)[stage.action];
  const isHere = member.at === deployment.at;
  return row?.[!isHere ? 0 : member.status === 'done' ? 2 : 1] ?? 'idle';
}
