// Makes an artifact of a revision: export, build command in isolation, seal. Once for all who ask.
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, realpath, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { StringDecoder } from 'node:string_decoder';
import type { Artifact } from '../core/artifact.ts';
import { DeployError } from '../core/errors.ts';
import type { Artifacts, Builder, BuildRequest, Built, OpenVersionControl } from '../core/ports.ts';
import type { Build } from '../core/repository.ts';
import { bringCaches, keepCaches, removeUnusedCaches } from './caches.ts';
import { explain, named } from './failure.ts';
import { chooseIsolation, enter, isUnder, searchPath, type Isolation, type User } from './isolation.ts';
import { keysOf, openNotes, type Keys, type Note } from './keys.ts';
import { killMarked, MARK } from './leftovers.ts';
import { limitedOutput } from './output.ts';
import { run } from './run.ts';
import { singleFlight } from './single-flight.ts';
import { slots } from './slots.ts';
import { fail, firstLine, isCommand, LONGEST_OUTPUT, versionOf } from './version.ts';
import { giveTo, makeScratch, makeWork, remove, removeLeftWork } from './work.ts';

/**
 * The artifacts, with the verb that makes one: `mtime` in whole seconds, `previous` for hard links. With `gone` the tree holds only what is new
 * since `previous`, and these of its paths are no more. `isOurs`: nobody else needs the tree. `isBase`: the next one will probably be made so of this one.
 */
export type Sealing = Artifacts & {
  seal(
    tree: string,
    options: {
      mtime: number;
      previous: Artifact | null;
      gone?: readonly string[];
      isOurs?: boolean;
      isBase?: boolean;
      signal: AbortSignal;
    },
  ): Promise<Artifact>;
};

export type BuilderOptions = {
  /** `<data>/builds`: keys/, latest/, cache/ and work/. */
  readonly directory: string;
  readonly artifacts: Sealing;
  readonly versionControl: OpenVersionControl;
  /** Account for builds when the daemon is root; by default 65534, nobody. */
  readonly user?: User;
  /** Directories that builds must not see; by default the data directory, which is the parent of `directory`. */
  readonly hidden?: readonly string[];
  /** Builds at a time. */
  readonly concurrency?: number;
  /** For tests: leave out the trial of what works here. */
  readonly isolation?: Isolation;
};

const NOBODY: User = { uid: 65534, gid: 65534 };

/** Opens the builder; ends processes and removes work directories that a killed daemon left. One at a time per directory. */
export async function openBuilder(options: BuilderOptions): Promise<Builder> {
  await mkdir(options.directory, { recursive: true, mode: 0o700 });
  const directory = await realpath(options.directory);
  const mark = createHash('sha256').update(directory).digest('hex').slice(0, 16);
  const prefix = `lockstep-build-${mark}-`;
  const at = { work: join(directory, 'work'), cache: join(directory, 'cache') };
  await mkdir(at.work, { recursive: true, mode: 0o700 });
  await mkdir(at.cache, { recursive: true, mode: 0o700 });
  await killMarked(mark);
  await removeLeftWork(at.work, prefix);
  await removeUnusedCaches(at.cache);
  const built = await openNotes(join(directory, 'keys'));
  const latest = await openNotes(join(directory, 'latest'));
  const hidden = options.hidden ?? [dirname(directory)];
  const isolation = options.isolation ?? (await tryIsolation(options.user ?? NOBODY, at.work, hidden));
  const { artifacts, versionControl } = options;
  const shared = singleFlight<Built>();
  const inSlot = slots(options.concurrency ?? 2);
  const found = async (note: Note | null): Promise<Built | null> => {
    const artifact = note === null ? null : await artifacts.find(note.id).catch(() => null);
    return note === null || artifact === null ? null : { ...artifact, version: note.version };
  };

  const make = async (request: BuildRequest, keys: Keys, log: (text: string) => void, signal: AbortSignal): Promise<Built> => {
    const { repository, branch, commit, build } = request;
    const what = named(request);
    const note = await latest.read(keys.rule);
    const previous = await found(note);
    const isPlain = !runsCommand(build) && build.output === '.';
    const options = { mtime: Math.floor(commit.time / 1000), previous, isBase: isPlain && repository.type === 'git', signal };
    const keep = async (artifact: Artifact, version: string | null): Promise<Built> => {
      await built.write(keys.revision, { id: artifact.id, version });
      // Of the latest, the word is the revision.
      await latest.write(keys.rule, { id: artifact.id, version: commit.revision });
      log(
        `sealed ${artifact.manifest.entries.length} entries as artifact ${artifact.id.slice(0, 12)}${version === null ? '' : `, version ${version}`}\n`,
      );
      return { ...artifact, version };
    };

    const removeOrTell = (path: string): Promise<void> =>
      remove(path).catch((error: unknown) => {
        log(`warning: ${path} could not be removed: ${(error as Error).message}\n`);
      });

    /** Where no command is run, the artifact follows from the one before and the difference of the revisions. `null`: it does not. */
    const sealChanges = async (revision: string, { manifest }: Artifact): Promise<Artifact | null> => {
      const changes = await makeScratch(at.work);
      try {
        const vcs = versionControl(repository);
        const since = { revision, entries: manifest.entries };
        const gone = await vcs.exportChanges?.(branch, commit.revision, since, build.subdirectory, changes, signal);
        return gone == null ? null : await artifacts.seal(changes, { ...options, gone, isOurs: true });
      } catch (error) {
        // The artifact before was damaged: everything is written anew.
        if (error instanceof DeployError && error.code === 'artifact') return null;
        throw await explain(error, what, changes, signal);
      } finally {
        await removeOrTell(changes);
      }
    };

    if (isPlain && previous !== null && note?.version != null) {
      const artifact = await sealChanges(note.version, previous);
      if (artifact !== null) return keep(artifact, await versionOf(request, artifact, versionControl, signal));
    }
    const work = await makeWork(at.work, prefix, isolation);
    const tree = join(work, 'tree');
    try {
      await versionControl(repository).export(branch, commit.revision, build.subdirectory, tree, signal);
      const caches = join(at.cache, keys.rule);
      const place = (): Place => ({ isolation, work, hidden, mark: `${mark}.${randomBytes(8).toString('hex')}`, log, signal });
      if (runsCommand(build)) {
        if (isolation.refusal !== undefined) throw new DeployError('build', `build of ${what} refused: ${isolation.refusal}`);
        if (isolation.warning !== null) log(`warning: ${isolation.warning}\n`);
        if (build.fromScratch !== true) await bringCaches(caches, tree, build.cache);
        await giveTo(work, isolation);
      }
      if (build.command !== null) await runCommand(request, build.command, place());
      const output = await findOutput(what, tree, build.output, build.command !== null);
      const said = build.version !== undefined && isCommand(build.version) ? await printed(request, build.version.command, place()) : null;
      const artifact = await artifacts.seal(output, { ...options, isOurs: !runsCommand(build) });
      const version = said ?? (await versionOf(request, artifact, versionControl, signal));
      if (build.command !== null) await keepCaches(caches, tree, build.cache);
      return await keep(artifact, version);
    } catch (error) {
      throw await explain(error, what, work, signal);
    } finally {
      await removeOrTell(work);
    }
  };

  return {
    build: (request, signal) => {
      const keys = keysOf(request);
      return shared(keys.revision, request.log, signal, async (log, shared) => {
        const known = await found(await built.read(keys.revision));
        if (known === null) return inSlot(shared, () => make(request, keys, log, shared));
        log(`${named(request)}: built before, artifact ${known.id.slice(0, 12)}\n`);
        return known;
      });
    },
  };
}

async function tryIsolation(user: User, directory: string, hidden: readonly string[]): Promise<Isolation> {
  const work = await makeWork(directory, '', { kind: 'none', user: null, warning: null });
  try {
    const isolation = await chooseIsolation(user, { work, hidden, network: false });
    return isolation;
  } finally {
    await remove(work);
  }
}

type Place = {
  readonly isolation: Isolation;
  readonly work: string;
  readonly hidden: readonly string[];
  readonly mark: string;
  readonly log: (text: string) => void;
  readonly signal: AbortSignal;
};

const runsCommand = ({ command, version }: Build): boolean => command !== null || (version !== undefined && isCommand(version));

/** What a command prints, also what it complains, is logged; the first line that it prints is the version. */
async function printed(request: BuildRequest, command: string, place: Place): Promise<string> {
  let text = '';
  const decoder = new StringDecoder('utf8');
  await runCommand(request, command, place, (bytes) => {
    if (text.length < LONGEST_OUTPUT) text += decoder.write(bytes);
  });
  return firstLine(text) ?? fail(`${named(request)} failed: its version command \`${command}\` printed nothing`);
}

/** Runs a command of the build. Rejects with `build` (it failed, or took too long) or `aborted`. */
async function runCommand(
  request: BuildRequest,
  command: string,
  { isolation, work, hidden, mark, log, signal }: Place,
  onStdout?: (bytes: Buffer) => void,
): Promise<void> {
  const { repository, branch, commit, build } = request;
  const entrance = enter(isolation, { work, hidden, network: build.network });
  const output = limitedOutput(log);
  log(`$ ${command}\n`);
  const ended = await run({
    // One pipe for both streams keeps their lines in order; the command itself is an argument.
    argv: [...entrance.argv, 'sh', '-c', `${onStdout === undefined ? 'exec 2>&1; ' : ''}exec sh -c "$1"`, 'sh', command],
    cwd: join(work, 'tree'),
    environment: {
      PATH: searchPath(),
      HOME: entrance.home,
      ...(entrance.tmp === '/tmp' ? {} : { TMPDIR: entrance.tmp }),
      LANG: 'C.UTF-8',
      CI: 'true',
      SOURCE_DATE_EPOCH: String(Math.floor(commit.time / 1000)),
      LOCKSTEP_REPOSITORY: repository.name,
      LOCKSTEP_BRANCH: branch,
      LOCKSTEP_REVISION: commit.revision,
      ...build.environment,
      [MARK]: mark,
    },
    mark,
    timeoutMs: build.timeoutMs,
    output,
    ...(onStdout && { onStdout }),
    signal,
  });
  if (ended.survivors > 0) log(`warning: ${ended.survivors} processes of the build could not be ended\n`);
  const seconds = `${Math.round(ended.tookMs / 1000)} s`;
  if (ended.why === 'aborted') throw new DeployError('aborted', `${named(request)} was aborted after ${seconds}`);
  if (ended.why === 'exited' && ended.exit === 0) return;
  const how =
    ended.why === 'timeout'
      ? `not finished within its time limit of ${Math.round(build.timeoutMs / 1000)} s`
      : `exited ${ended.exit} after ${seconds}`;
  throw new DeployError('build', `${named(request)} failed: ${how}: ${output.lastLine() || 'it printed nothing'}`, output.tail());
}

/** The directory that becomes the artifact: real, and inside the tree, wherever links of the build lead. */
async function findOutput(what: string, tree: string, output: string, isBuilt: boolean): Promise<string> {
  const root = await realpath(tree);
  const path = await realpath(join(tree, output)).catch(() => null);
  if (path === null) {
    const why = isBuilt ? `the build command made no "${output}"` : `the revision has no "${output}"`;
    throw new DeployError('artifact', `${what} failed: ${why}. Check "output" of the build.`);
  }
  if (!isUnder(path, root)) throw new DeployError('hostile-tree', `${what} failed: its output "${output}" leads out of the tree.`);
  if (!(await stat(path)).isDirectory()) throw new DeployError('artifact', `${what} failed: its output "${output}" is not a directory.`);
  return path;
}
