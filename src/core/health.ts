// How a cluster is, in one word with a sign: what overviews, badges and wall displays show.
import type { EndedRecord } from './ended.ts';
import type { ClusterView } from './views.ts';

/** `ok`: serves what it should; `run`: is being deployed; `warn`: somebody should know; `bad`: somebody must act. */
export type Tone = 'ok' | 'run' | 'warn' | 'bad' | 'idle';

export type Health = { readonly tone: Tone; readonly word: string };

/** Colour is never alone. */
export const SIGNS: Readonly<Record<Tone, string>> = { ok: '✓', run: '▶', warn: '!', bad: '✕', idle: '–' };

/** `last`: its last deployment that ended; `null`: none. */
export function healthOf(view: ClusterView, last: Pick<EndedRecord, 'result'> | null): Health {
  const { state, servers, held, locked, drifted, release } = view;
  const out = servers.filter((server) => ['behind', 'unreachable', 'failed'].includes(server.state)).length;
  if (state === 'needs-operator') return { tone: 'bad', word: 'needs operator' };
  if (state === 'rolling-back') return { tone: 'bad', word: 'rolling back' };
  if (state === 'paused') return { tone: 'warn', word: 'paused' };
  if (state !== 'idle') return { tone: 'run', word: state };
  if (last?.result === 'failed' || last?.result === 'rolled-back') return { tone: 'bad', word: last.result.replace('-', ' ') };
  if (out > 0) return { tone: 'warn', word: `${out} of ${servers.length} out` };
  if (drifted.length > 0) return { tone: 'warn', word: 'drifted' };
  if (locked !== null) return { tone: 'warn', word: 'locked' };
  if (held !== null) return { tone: 'warn', word: 'held' };
  return release === null ? { tone: 'idle', word: 'nothing yet' } : { tone: 'ok', word: 'live' };
}
