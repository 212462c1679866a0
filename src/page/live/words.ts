// States in the words, glyphs and tones that people see. A tone is never alone: each state has its word, and each tone its glyph.
import type { ClusterView, DeploymentView, StepView } from '../../core/views.ts';
import type { ServerState } from '../../core/server.ts';
import type { StepName } from '../../core/step.ts';

export type Tone = 'ok' | 'run' | 'wait' | 'warn' | 'bad' | 'hold' | 'idle';
export type Status = { readonly word: string; readonly tone: Tone };

/** In the order in which a server goes through them; what is wrong comes last. */
export const SERVER_STATES: readonly ServerState[] = [
  'idle',
  'scheduled',
  'uploading',
  'uploaded',
  'locking',
  'locked',
  'switching',
  'switched',
  'unlocking',
  'live',
  'skipped',
  'behind',
  'unreachable',
  'failed',
];

const SERVER_TONES: Readonly<Record<ServerState, Tone>> = {
  idle: 'idle',
  scheduled: 'wait',
  uploading: 'run',
  uploaded: 'run',
  locking: 'hold',
  locked: 'hold',
  switching: 'run',
  switched: 'run',
  unlocking: 'run',
  live: 'ok',
  skipped: 'warn',
  behind: 'warn',
  unreachable: 'bad',
  failed: 'bad',
};

export const toneOfServer = (state: ServerState): Tone => SERVER_TONES[state];
export const isNotOk = (state: ServerState): boolean =>
  state === 'failed' || state === 'unreachable' || state === 'behind' || state === 'skipped';

/** `Live`, `Uploading 3/5`, `2 servers behind`, … */
export function statusOf(cluster: ClusterView): Status {
  const { state, release, held, locked, drifted } = cluster;
  if (state === 'needs-operator') return { word: 'Needs an operator', tone: 'bad' };
  if (state === 'paused') return { word: 'Paused', tone: 'warn' };
  if (state !== 'idle') {
    const progress = progressOf(cluster);
    const word = capital(state.replace('-', ' '));
    return {
      word: progress === null ? word : `${word} ${progress.done}/${progress.total}`,
      tone: state === 'rolling-back' ? 'warn' : 'run',
    };
  }
  const broken = oddServers(cluster);
  if (broken !== null) return broken;
  if (held !== null) return { word: 'Held', tone: 'hold' };
  if (drifted.length > 0) return { word: `Drifted on ${drifted.length}`, tone: 'warn' };
  if (locked !== null) return { word: 'Locked', tone: 'hold' };
  if (release === null) return { word: 'Nothing live yet', tone: 'idle' };
  return { word: 'Live', tone: 'ok' };
}

function oddServers({ servers }: ClusterView): Status | null {
  for (const [state, tone] of [
    ['failed', 'bad'],
    ['unreachable', 'bad'],
    ['behind', 'warn'],
  ] as const) {
    const count = servers.filter((server) => server.state === state).length;
    if (count > 0) return { word: `${count} ${state}`, tone };
  }
  return null;
}

const PASSED: Readonly<Partial<Record<ClusterView['state'], readonly ServerState[]>>> = {
  uploading: ['uploaded'],
  locking: ['locked'],
  switching: ['switched'],
  unlocking: ['live'],
};

/** How many servers have passed the running step; `null`: the step is not counted by servers. */
export function progressOf({ state, servers }: ClusterView): { done: number; total: number } | null {
  const passed = PASSED[state];
  if (passed === undefined) return null;
  const members = servers.filter((server) => !isNotOk(server.state));
  return { done: members.filter((server) => passed.includes(server.state)).length, total: members.length };
}

/** Servers of which nothing bad is known. */
export const okServers = ({ servers }: ClusterView): number => servers.filter((server) => !isNotOk(server.state)).length;

/** Broken first, then what moves, then what is held, then the rest. */
export function urgency(cluster: ClusterView): number {
  const { tone } = statusOf(cluster);
  return { bad: 0, warn: 1, run: 2, hold: 3, wait: 4, idle: 5, ok: 6 }[tone];
}

export function deploymentStatus({ state, result }: Pick<DeploymentView, 'state' | 'result'>): Status {
  if (state === 'waiting') return { word: 'Waiting', tone: 'wait' };
  if (state === 'needs-operator') return { word: 'Needs an operator', tone: 'bad' };
  if (state === 'paused') return { word: 'Paused', tone: 'warn' };
  if (state === 'rolling-back') return { word: 'Going back', tone: 'warn' };
  if (state !== 'ended') return { word: capital(state), tone: 'run' };
  switch (result) {
    case 'done':
      return { word: 'Done', tone: 'ok' };
    case 'failed':
      return { word: 'Failed', tone: 'bad' };
    case 'rolled-back':
      return { word: 'Rolled back', tone: 'bad' };
    case 'aborted':
      return { word: 'Aborted', tone: 'warn' };
    case 'superseded':
      return { word: 'Superseded', tone: 'idle' };
    case null:
      return { word: 'Ended', tone: 'idle' };
    default:
      return result satisfies never;
  }
}

const STEP_TONES: Readonly<Record<StepView['state'], Tone>> = {
  waiting: 'wait',
  running: 'run',
  done: 'ok',
  failed: 'bad',
  skipped: 'idle',
};
export const toneOfStep = (state: StepView['state']): Tone => STEP_TONES[state];

/** What a step is about, for who has not seen one before. */
export const STEP_MEANINGS: Readonly<Record<StepName, string>> = {
  build: 'Once, on the daemon’s machine',
  schedule: 'Every server waits for a slot',
  upload: 'Next to the live release; nobody notices',
  lock: 'Every server shows the maintenance page',
  switch: 'All to the new release, at the same moment',
  migrate: 'The database, once for the cluster',
  unlock: 'Users are back',
  verify: 'Every server is asked whether it is well',
};

export const PURPOSES: Readonly<Record<DeploymentView['purpose'], string>> = {
  deploy: 'Deployment',
  'roll-back': 'Roll back',
  emergency: 'Emergency switch',
  'catch-up': 'Catching up',
};

export const short = (revision: string): string => (/^[0-9a-f]{40,64}$/.test(revision) ? revision.slice(0, 8) : revision);
export const firstLine = (text: string): string => text.split('\n', 1)[0] ?? '';
/** 12345: 12,345. Without Intl, whose first use costs a page 20 ms. */
export const grouped = (count: number): string => String(count).replace(/\B(?=(?:\d{3})+$)/g, ',');
export const plural = (count: number, word: string): string => `${grouped(count)} ${word}${count === 1 ? '' : 's'}`;
export const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
