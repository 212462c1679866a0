// The words of a notice: what its variables stand for, the built-in texts, and templates of the configuration.
import { visibleLine } from '../core/escape.ts';
import type { Notice, NoticeState, NoticeVariable } from '../core/notice.ts';
import { fillIn } from '../core/pattern.ts';

/** Makes a value harmless in the language of a target: nothing that a commit's author wrote may become a link, a mention or a tag. */
export type Escape = (value: string) => string;

/** What only the daemon knows of a notice's surroundings. */
export type Links = {
  /** The page of a deployment; `null`: nobody told where the page is. */
  readonly deployment: (number: number) => string | null;
  /** What changed between two revisions, at the forge; `null`: there is no such page. */
  readonly compare: (repository: string, from: string, to: string) => string | null;
};

const LONGEST_VALUE = 300;

const WORDS: Readonly<Record<NoticeState, string>> = {
  asked: 'asked for',
  began: 'began',
  succeeded: 'succeeded',
  failed: 'FAILED',
  'rolled-back': 'ROLLED BACK',
  aborted: 'aborted',
  superseded: 'superseded',
  'needs-operator': 'NEEDS AN OPERATOR',
  refused: 'refused',
  locked: 'locked',
  unlocked: 'unlocked',
  'drift-found': 'drift found',
  'drift-ended': 'no drift any more',
};

export function noticeText(notice: Notice, template: string | null, links: Links, escape: Escape): string {
  const values = valuesOf(notice, links);
  const safe = new Map([...values].map(([name, value]) => [name as string, escape(visibleLine(value).slice(0, LONGEST_VALUE))]));
  return template === null ? builtIn(notice, safe) : fillIn(template, safe);
}

/** State word, cluster, revisions, author, duration, failed servers, links: in this order. Parts that nobody knows are left out. */
function builtIn(notice: Notice, safe: ReadonlyMap<string, string>): string {
  const value = (name: NoticeVariable): string => safe.get(name) ?? '';
  const { deployment, state } = notice;
  const where = value('cluster') || value('repository');
  const first = [
    `${where}: ${value('state')}`,
    deployment === null ? '' : `(deployment ${deployment})`,
    value('range') === '' ? '' : `${value('branch')} ${value('range')}`,
    value('author') === '' ? '' : `by ${value('author')}`,
    value('duration') === '' ? '' : `in ${value('duration')}`,
  ];
  const isWhy = value('reason') !== '' && state !== 'succeeded' && state !== 'asked' && state !== 'began';
  const lines = [
    first.filter((part) => part !== '').join(' '),
    value('message'),
    isWhy ? value('reason') : '',
    value('servers') === '' ? '' : `Servers: ${value('servers')}`,
    value('compare'),
    value('link'),
  ];
  return lines.filter((line) => line !== '').join('\n');
}

/** One line without anything to escape it for: subjects, descriptions of forges. */
export function headline(notice: Notice): string {
  const where = notice.clusters.join(', ') || notice.repository || notice.project;
  const number = notice.deployment === null ? '' : ` (deployment ${notice.deployment})`;
  return visibleLine(`${where}: ${wordsOf(notice)}${number}`);
}

function wordsOf(notice: Notice): string {
  if (notice.state === 'succeeded' && (notice.purpose === 'roll-back' || notice.purpose === 'emergency'))
    return 'went back to an earlier release';
  return notice.state === 'succeeded' && notice.isRecovery ? 'succeeded again' : WORDS[notice.state];
}

function valuesOf(notice: Notice, links: Links): ReadonlyMap<NoticeVariable, string> {
  const { repository, revision, previous, failed } = notice;
  const isChange = previous !== null && revision !== null && previous !== revision;
  const more = failed.count - failed.servers.length;
  const values: Record<NoticeVariable, string> = {
    project: notice.project,
    state: wordsOf(notice),
    cluster: notice.clusters.join(', '),
    environment: notice.environment ?? '',
    repository: repository ?? '',
    branch: notice.branch ?? '',
    revision: short(revision),
    previous: short(previous),
    range: isChange ? `${short(previous)} → ${short(revision)}` : short(revision),
    release: notice.release ?? '',
    author: notice.author ?? '',
    message: notice.message ?? '',
    by: notice.by ?? '',
    reason: notice.reason,
    number: notice.deployment === null ? '' : String(notice.deployment),
    duration: notice.durationMs === null ? '' : durationText(notice.durationMs),
    servers: `${failed.servers.join(', ')}${more > 0 ? ` and ${more} more` : ''}`,
    link: notice.deployment === null ? '' : (links.deployment(notice.deployment) ?? ''),
    compare: isChange && repository !== null ? (links.compare(repository, previous, revision) ?? '') : '',
    summary: headline(notice),
  };
  return new Map(Object.entries(values) as [NoticeVariable, string][]);
}

/** Subversion's revisions are short already. */
const short = (revision: string | null): string =>
  revision === null ? '' : /^[0-9a-f]{40,64}$/.test(revision) ? revision.slice(0, 8) : revision;

function durationText(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 60 ? `${minutes} min ${seconds % 60} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** `&`, `<`, `>` and quotes as HTML writes them. */
export const escapeHtml: Escape = (value) =>
  value.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

export const asItIs: Escape = (value) => value;

/** Cut at a limit that counts UTF-8 bytes, never in the middle of a character. */
export function cutBytes(text: string, most: number): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= most) return text;
  return `${bytes
    .subarray(0, most - 3)
    .toString('utf8')
    .replace(/\ufffd+$/, '')}…`;
}
