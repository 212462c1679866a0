// A repository's side of the hooks: real git, svn and sh, with the installed hooks, and the daemon's real door.
import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hookReader } from '../../src/forge/hook-reader.ts';
import { createHttpServer } from '../../src/http/server.ts';
import { openPeople } from '../lab/people.ts';
import { createMemoryApplication, TOKEN } from '../http/memory-application.ts';
import { until } from '../lab/until.ts';

export type Ran = { code: number; stdout: string; stderr: string; ms: number };

const ENVIRONMENT = {
  PATH: process.env['PATH'] ?? '/usr/bin:/bin',
  HOME: '/nonexistent',
  LC_ALL: 'C.UTF-8',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_AUTHOR_NAME: 'Ann',
  GIT_AUTHOR_EMAIL: 'ann@example.org',
  GIT_COMMITTER_NAME: 'Ann',
  GIT_COMMITTER_EMAIL: 'ann@example.org',
};

/** Runs a program to the end of its output, which is what git and svn wait for too. */
export function run(
  program: string,
  args: readonly string[],
  options: { cwd?: string; env?: Record<string, string>; input?: string } = {},
): Promise<Ran> {
  const started = performance.now();
  return new Promise((resolve) => {
    const child = execFile(
      program,
      args,
      { cwd: options.cwd ?? '/', env: options.env ?? ENVIRONMENT, timeout: 50_000 },
      (_error, stdout, stderr) => {
        resolve({ code: child.exitCode ?? -1, stdout, stderr, ms: performance.now() - started });
      },
    );
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(options.input ?? '');
  });
}

export async function must(program: string, args: readonly string[], options: Parameters<typeof run>[2] = {}): Promise<string> {
  const { code, stdout, stderr } = await run(program, args, options);
  if (code !== 0) throw new Error(`${program} ${args.join(' ')} exited ${code}: ${stdout}${stderr}`);
  return stdout + stderr;
}

export const git = (directory: string, ...args: string[]): Promise<Ran> =>
  run('git', ['-C', directory, '-c', 'safe.directory=*', '-c', 'protocol.file.allow=always', ...args]);

/** A directory that goes away at the end, with the senders that were started in it. */
export async function openBench() {
  const directory = await mkdtemp(join(tmpdir(), 'lockstep-hooks-'));
  return {
    directory,
    async close() {
      // Background senders end by themselves when their directory is gone; nothing else may run in it.
      await rm(directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
      await until(async () => (await processesAt(directory)).length === 0, { timeoutMs: 30_000, what: 'the end of all senders' });
    },
  };
}

async function processesAt(directory: string): Promise<string[]> {
  const { stdout } = await run('ps', ['-eo', 'pid=,args=']);
  return stdout.split('\n').filter((line) => line.includes(directory));
}

export async function makeGit(directory: string): Promise<{ bare: string; work: string }> {
  const bare = join(directory, 'shop.git');
  const work = join(directory, 'work tree');
  await must('git', ['init', '-q', '--bare', bare]);
  await must('git', ['init', '-q', '-b', 'main', work]);
  await must('git', ['-C', work, 'remote', 'add', 'origin', bare]);
  await must('git', ['-C', work, 'commit', '-q', '--allow-empty', '-m', 'first']);
  return { bare, work };
}

export async function makeSvn(directory: string): Promise<{ repository: string; url: string; work: string }> {
  const repository = join(directory, 'portal');
  const work = join(directory, 'portal work');
  const url = `file://${repository}`;
  await must('svnadmin', ['create', repository]);
  await must('svn', ['mkdir', '-q', '-m', 'layout', `${url}/trunk`, `${url}/servers`]);
  await must('svn', ['checkout', '-q', url, work]);
  return { repository, url, work };
}

/** The daemon's real door, with an application that only remembers what it received. */
export async function startReceiver(secrets: Record<string, string>, port = 0) {
  const application = createMemoryApplication();
  application.repositories.clear();
  for (const [name, secret] of Object.entries(secrets)) application.repositories.set(name, [secret]);
  const registry = await openPeople();
  const { people, witness } = registry;
  const server = createHttpServer(application, { token: TOKEN, people, witness, version: '1', hooks: hookReader, log: () => undefined });
  const { url } = await server.listen('127.0.0.1', port);
  const close = async (): Promise<void> => {
    await server.close();
    await registry.close();
  };
  return { application, url, port: Number(new URL(url).port), received: application.received, close };
}

/** Something that takes connections and never says a word, as a stopped process does. */
export async function startSilent(): Promise<{ url: string; child: ChildProcess; close(): void }> {
  const script = "const s=require('net').createServer(()=>{});s.listen(0,'127.0.0.1',()=>console.log(s.address().port))";
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'ignore'] });
  const port = await new Promise<string>((resolve) => child.stdout.once('data', (chunk: Buffer) => resolve(chunk.toString().trim())));
  child.kill('SIGSTOP');
  return { url: `http://127.0.0.1:${port}`, child, close: () => child.kill('SIGKILL') };
}

export const spooled = (state: string): Promise<string[]> =>
  readdir(join(state, 'spool')).then((names) => names.filter((name) => !name.startsWith('.')));
