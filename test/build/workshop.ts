// What the tests of the builder share: a data directory, a fixture in place of a repository, and requests.
import { execFileSync } from 'node:child_process';
import { chmod, cp, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Artifact } from '../../src/core/artifact.ts';
import type { BuildRequest, Builder, OpenVersionControl } from '../../src/core/ports.ts';
import type { Build } from '../../src/core/repository.ts';
import { openBuilder, type BuilderOptions } from '../../src/build/builder.ts';
import { openArtifacts } from '../../src/store/artifacts.ts';
import { sampleBuild, sampleRepository } from '../lab/samples.ts';

export type Workshop = {
  readonly data: string;
  readonly builder: Builder;
  /** Directory that every revision is exported from. */
  readonly source: string;
  /** What was exported, in order. */
  readonly exported: string[];
  /** Opens another builder on the same directories, as a restarted daemon does. */
  readonly reopen: (options?: Partial<BuilderOptions>) => Promise<Builder>;
  readonly build: (command: string | null, changes?: Partial<Build>, options?: BuildOptions) => Promise<Built>;
  readonly remove: () => Promise<void>;
};

export type BuildOptions = {
  readonly revision?: string;
  readonly signal?: AbortSignal;
  readonly builder?: Builder;
  readonly log?: (text: string) => void;
};
export type Built = {
  readonly artifact: Artifact;
  readonly log: string;
  readonly files: string[];
  readonly read: (path: string) => Promise<string>;
};

export const REVISION = '1a2b3c4d'.padEnd(40, '0');
export const COMMITTED_AT = 1_700_000_000;

export function request(
  command: string | null,
  changes: Partial<Build> = {},
  { revision = REVISION, log }: BuildOptions = {},
): BuildRequest {
  return {
    repository: sampleRepository,
    branch: 'servers/production',
    commit: { revision, author: 'Ada', email: 'ada@example.org', message: 'Fix', time: COMMITTED_AT * 1000 + 400 },
    build: { ...sampleBuild, command, timeoutMs: 60_000, network: false, ...changes },
    log: log ?? (() => undefined),
  };
}

/** `files`: content by path of the exported tree. `parent`: where the data directory is made. */
export async function openWorkshop(
  files: Readonly<Record<string, string>>,
  options: Partial<BuilderOptions> = {},
  parent?: string,
): Promise<Workshop> {
  const base = await mkdtemp(join(parent ?? tmpdir(), 'lockstep-build-test-'));
  const [data, source] = [join(base, 'data'), join(base, 'source')];
  await mkdir(data, { mode: 0o700 });
  await writeFile(join(data, 'token'), 'lst_secret', { mode: 0o600 });
  for (const [path, content] of Object.entries(files)) {
    await mkdir(join(source, path, '..'), { recursive: true });
    await writeFile(join(source, path), content);
  }
  const exported: string[] = [];
  const versionControl: OpenVersionControl = () => ({
    heads: () => Promise.reject(new Error('not asked for')),
    commit: () => Promise.reject(new Error('not asked for')),
    isAncestor: () => Promise.reject(new Error('not asked for')),
    signer: () => Promise.reject(new Error('not asked for')),
    between: () => Promise.resolve({ commits: [], totalCommits: 0, files: [], totalFiles: 0, diverged: false }),
    tag: (_branch, revision) => Promise.resolve(`v1.4-${exported.length}-${revision.slice(0, 3)}`),
    async export(_branch, revision, subdirectory, directory) {
      if ((await readdir(directory)).length > 0) throw new Error(`${directory} is not empty`);
      exported.push(revision);
      await cp(join(source, subdirectory), directory, { recursive: true, verbatimSymlinks: true });
    },
  });
  const artifacts = await openArtifacts(join(data, 'artifacts'));
  const reopen = (more: Partial<BuilderOptions> = {}): Promise<Builder> =>
    openBuilder({ directory: join(data, 'builds'), artifacts, versionControl, ...options, ...more });
  const builder = await reopen();
  return {
    data,
    source,
    exported,
    builder,
    reopen,
    async build(command, changes, more = {}) {
      let log = '';
      const write = (text: string): void => {
        log += text;
        more.log?.(text);
      };
      const artifact = await (more.builder ?? builder).build(
        request(command, changes, { ...more, log: write }),
        more.signal ?? new AbortController().signal,
      );
      const files = artifact.manifest.entries.filter(({ type }) => type !== 'directory').map(({ path }) => path);
      return { artifact, log, files, read: (path) => readFile(join(artifact.directory, path), 'utf8') };
    },
    async remove() {
      await chmod(base, 0o700);
      await rm(base, { recursive: true, force: true });
    },
  };
}

/** Processes whose command line has this word in it, on the whole machine. */
export function processesWith(word: string): string[] {
  const list = execFileSync('ps', ['-eo', 'pid=,stat=,args='], { encoding: 'utf8' });
  return list.split('\n').filter((line) => line.includes(word) && !/^\s*\d+ Z/.test(line));
}
