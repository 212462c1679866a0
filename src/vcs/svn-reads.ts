// The first door to Subversion: info, list and log, through node-svn-ultimate (docs/decisions/0002-svn-through-two-doors.md).
import svnUltimate from 'node-svn-ultimate';
import type { SvnOptions } from 'node-svn-ultimate';
import { DeployError } from '../core/errors.ts';
import { repositoryError, tail } from './failure.ts';
import { endMarked } from './marked-processes.ts';
import { isRevisionNumber } from './names.ts';
import { SVN_OPTIONS, svnEnvironment } from './svn-environment.ts';
import type { SvnPlace } from './svn-environment.ts';
import { at } from './svn-url.ts';

export type SvnInfo = { readonly kind: string; readonly url: string; readonly root: string; readonly lastChanged: string };
export type SvnChild = { readonly name: string; readonly lastChanged: string };
export type SvnEntry = SvnLog & {
  readonly revision: string;
  readonly paths: readonly { readonly path: string; readonly action: string }[];
};
export type SvnLog = { readonly author: string; readonly message: string; readonly time: number };

const TIMEOUT_MS = 120_000;
const OUTPUT_MAX = 64 * 1024 * 1024;

/** What stands at a URL at a revision (`HEAD` or a number). `null`: nothing. */
export async function info(place: SvnPlace, url: string, revision: string, signal: AbortSignal): Promise<SvnInfo | null> {
  const answer = await ask(place, 'info', url, revision, {}, signal);
  const entry = child(answer, 'entry');
  if (entry === null) return null;
  const repository = child(entry, 'repository');
  const lastChanged = attribute(child(entry, 'commit'), 'revision');
  if (!isRevisionNumber(lastChanged))
    throw new DeployError('repository', `${place.repository.name} gave no revision for ${url}. Check its url.`);
  return { kind: attribute(entry, 'kind'), url: text(entry, 'url'), root: text(repository, 'root'), lastChanged };
}

/** The directories in a directory. `null`: there is no such directory. */
export async function list(place: SvnPlace, url: string, signal: AbortSignal): Promise<readonly SvnChild[] | null> {
  const answer = await ask(place, 'list', url, 'HEAD', {}, signal);
  if (answer === null) return null;
  const entries = child(answer, 'list')?.['entry'];
  return (Array.isArray(entries) ? entries : [entries]).flatMap((entry: unknown) => {
    if (!isNode(entry) || attribute(entry, 'kind') !== 'dir') return [];
    return [{ name: text(entry, 'name'), lastChanged: attribute(child(entry, 'commit'), 'revision') }];
  });
}

/** The newest commit at or before `revision` that touched the URL. `null`: there was nothing at that revision. */
export async function log(place: SvnPlace, url: string, revision: string, signal: AbortSignal): Promise<SvnLog | null> {
  const answer = await ask(place, 'log', url, revision, { revision: `${revision}:0`, limit: 1 }, signal);
  const entry = child(answer, 'logentry');
  if (entry === null) return null;
  return { author: text(entry, 'author'), message: text(entry, 'msg'), time: Date.parse(text(entry, 'date')) || 0 };
}

/** The commits that touched the URL from `newest` down to `oldest`, newest first, with the paths that they changed (from the repository's root). */
export async function logs(
  place: SvnPlace,
  url: string,
  newest: string,
  oldest: string,
  limit: number,
  signal: AbortSignal,
): Promise<readonly SvnEntry[]> {
  if (!isRevisionNumber(newest) || !/^\d+$/.test(oldest)) throw new Error(`not a range of revisions: ${newest}:${oldest}`);
  const answer = await ask(place, 'log', url, newest, { revision: `${newest}:${oldest}`, limit }, signal, ['--verbose']);
  return childrenOf(answer, 'logentry').map((entry) => ({
    revision: attribute(entry, 'revision'),
    author: text(entry, 'author'),
    message: text(entry, 'msg'),
    time: Date.parse(text(entry, 'date')) || 0,
    paths: childrenOf(child(entry, 'paths'), 'path').map((path) => ({ path: text({ path }, 'path'), action: attribute(path, 'action') })),
  }));
}

let calls = 0;

/**
 * Runs one command. The package joins strings to a shell's line and runs it in our whole environment; so its line consists of constants,
 * numbers and a URL that the gate in svn-url.ts let through, begins with `env -i`, and takes account and password from files of its
 * working directory. Resolves to null when svn says that the path does not exist.
 */
async function ask(
  place: SvnPlace,
  command: 'info' | 'list' | 'log',
  url: string,
  revision: string,
  options: Pick<SvnOptions, 'revision' | 'limit'>,
  signal: AbortSignal,
  more: readonly '--verbose'[] = [],
): Promise<XmlNode | null> {
  const tried = `svn ${command} of ${url} (${place.repository.name})`;
  const stopped = new DeployError('aborted', `${tried} was stopped.`);
  if (signal.aborted) throw stopped;
  if (revision !== 'HEAD' && !isRevisionNumber(revision)) throw new Error(`not a revision number: ${JSON.stringify(revision)}`);
  const mark = `${place.mark}-${++calls}`;
  const environment = Object.entries(svnEnvironment(mark)).map(([name, value]) => `'${name}=${value}'`);
  const account = place.repository.username === null ? [] : ['--username', '"$(cat username)"', '--password-from-stdin', '<', 'password'];
  const full: SvnOptions = {
    ...options,
    svn: `exec env -i ${environment.join(' ')} svn`,
    cwd: place.home,
    maxBuffer: OUTPUT_MAX,
    params: [...more, ...SVN_OPTIONS.filter((one) => one !== '--non-interactive'), ...account],
  };
  const limit = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]);
  const endings: Promise<void>[] = [];
  const end = (): void => void endings.push(endMarked(mark));
  limit.addEventListener('abort', end, { once: true });
  try {
    const answer = await new Promise<unknown>((resolve, reject) => {
      svnUltimate.commands[command](at(url, revision), full, (error, data) => (error === null ? resolve(data) : reject(error)));
      // Read when svn has ended: do not repeat its messages on our standard error. Set earlier, it would take the messages out of the log.
      full.quiet = true;
    });
    return isNode(answer) ? answer : {};
  } catch (error) {
    // exec's message is the command line, then what svn printed.
    const said = error instanceof Error ? error.message.split('\n').slice(1).join('\n') : String(error);
    if (isAborted(signal)) throw stopped;
    if (limit.aborted)
      throw new DeployError(
        'repository',
        `${tried} failed: no end after ${TIMEOUT_MS / 1000} s. Check that the repository answers.`,
        tail(said),
      );
    if (/not found|No such file/.test(said) && /\b(?:env|sh|svn): /.test(said) && !/svn: [EW]/.test(said)) {
      throw new DeployError(
        'configuration',
        `${tried} failed: ${said.trim()}. svn (1.10 or newer) must be installed, and passwordFile must be readable.`,
      );
    }
    if (isMissing(said)) return null;
    throw repositoryError(tried, said, error);
  } finally {
    limit.removeEventListener('abort', end);
    await Promise.all(endings);
  }
}

/** Asked anew: time has passed since it was asked last. */
const isAborted = (signal: AbortSignal): boolean => signal.aborted;

/** Does svn say that there is nothing at the path, and nothing worse? (W170000 and W160013 from info and list, E160013 from log.) */
function isMissing(said: string): boolean {
  const codes = Array.from(said.matchAll(/\b[EW]([0-9]{6}):/g), (match) => match[1] ?? '');
  return (
    codes.some((code) => code === '170000' || code === '160013') && codes.every((code) => ['170000', '160013', '200009'].includes(code))
  );
}

/** xml2js's shape, as the package sets it up: attributes under `$`, text as a string or under `_`, one child not in an array. */
type XmlNode = Record<string, unknown>;

const isNode = (value: unknown): value is XmlNode => typeof value === 'object' && value !== null;

function child(node: XmlNode | null, name: string): XmlNode | null {
  const value = node?.[name];
  return isNode(value) ? value : null;
}

function childrenOf(node: XmlNode | null, name: string): readonly XmlNode[] {
  const value = node?.[name];
  return (Array.isArray(value) ? value : [value]).filter(isNode);
}

function text(node: XmlNode | null, name: string): string {
  const value = node?.[name];
  const inner = isNode(value) ? value['_'] : value;
  return typeof inner === 'string' ? inner : '';
}

function attribute(node: XmlNode | null, name: string): string {
  const value = child(node, '$')?.[name];
  return typeof value === 'string' ? value : '';
}
