// A cluster in words: its state as one word with a glyph, how many of its servers are well, and its marks.
import { visibleLine } from '../core/escape.ts';
import type { ServerState } from '../core/server.ts';
import type { ClusterView, ServerView } from '../core/views.ts';
import type { Paint, Palette } from './output.ts';
import { someNames } from './words.ts';

export type Mark = { readonly glyph: string; readonly word: string; readonly paint: Paint };

export function clusterMark(cluster: ClusterView, palette: Palette): Mark {
  if (cluster.state === 'needs-operator') return { glyph: '!', word: 'needs operator', paint: palette.bad };
  if (cluster.state !== 'idle') return { glyph: '▸', word: cluster.state, paint: palette.busy };
  const bad = cluster.servers.filter(isBad).length;
  if (bad > 0 && bad === cluster.servers.length) return { glyph: '✗', word: 'failed', paint: palette.bad };
  if (bad > 0) return { glyph: '✗', word: `${bad} not well`, paint: palette.bad };
  if (cluster.release === null) return { glyph: '·', word: 'nothing deployed', paint: palette.faint };
  return { glyph: '✓', word: 'live', paint: palette.good };
}

export function serverMark(server: ServerView, palette: Palette): Mark {
  const word = server.state;
  if (isBad(server)) return { glyph: '✗', word, paint: palette.bad };
  if (word === 'live') return { glyph: '✓', word, paint: palette.good };
  if (word === 'idle' || word === 'skipped') return { glyph: '·', word, paint: palette.faint };
  return { glyph: '▸', word, paint: palette.busy };
}

const BAD: ReadonlySet<ServerState> = new Set<ServerState>(['failed', 'unreachable', 'behind']);

export const isBad = (server: ServerView): boolean => BAD.has(server.state);

export const wellCount = (cluster: ClusterView): string =>
  `${cluster.servers.filter((server) => !isBad(server)).length}/${cluster.servers.length}`;

/** `LOCKED by ann: database move · HELD: verification failed` */
export function marks(cluster: ClusterView): string {
  const parts: string[] = [];
  if (cluster.locked !== null) parts.push(`LOCKED by ${visibleLine(cluster.locked)}`);
  if (cluster.held !== null) parts.push(`HELD: ${visibleLine(cluster.held)}`);
  if (cluster.skipped !== null) parts.push('HEAD SKIPPED');
  if (cluster.drifted.length > 0) parts.push(`DRIFTED: ${someNames(cluster.drifted.map(({ server }) => server))}`);
  return parts.join(' · ');
}

/** Broken first, then what moves, then what is held back, then the rest; by name within. */
export function byUrgency(a: ClusterView, b: ClusterView): number {
  return urgency(a) - urgency(b) || (a.cluster < b.cluster ? -1 : 1);
}

function urgency(cluster: ClusterView): number {
  if (cluster.state === 'needs-operator') return 0;
  if (cluster.servers.some(isBad)) return 1;
  if (cluster.state !== 'idle') return 2;
  return cluster.locked !== null || cluster.held !== null ? 3 : 4;
}

const ENVIRONMENTS = ['production', 'gray', 'preproduction', 'test', 'development'];

/** What matters most first; unknown environments last, by name. */
export function byEnvironment(a: string, b: string): number {
  const place = (name: string): number => (ENVIRONMENTS.includes(name) ? ENVIRONMENTS.indexOf(name) : ENVIRONMENTS.length);
  return place(a) - place(b) || (a < b ? -1 : a > b ? 1 : 0);
}
