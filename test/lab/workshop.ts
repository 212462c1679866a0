// A workshop: a daemon as users run it, with real repositories and servers in a directory of its own.
import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ClusterView, DeploymentView } from '../../src/core/views.ts';
import { until } from './until.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
export const LOCKSTEP = join(ROOT, 'bin/lockstep');

export type Ran = { readonly code: number; readonly stdout: string; readonly stderr: string };

/** Runs a program to its end, with at most two minutes. */
export function run(program: string, args: readonly string[], options: { cwd?: string; env?: NodeJS.ProcessEnv } = {}): Promise<Ran> {
  return new Promise((resolve) => {
    const settings = {
      cwd: options.cwd,
      env: { ...process.env, ...GIT_ENV, ...options.env },
      timeout: 120_000,
      maxBuffer: 64 * 1024 * 1024,
    };
    const child = execFile(program, args, settings, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : (child.exitCode ?? 1), stdout, stderr });
    });
    child.stdin?.end();
  });
}

/** Runs a program that must succeed; returns what it printed. */
export async function must(
  program: string,
  args: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<string> {
  const { code, stdout, stderr } = await run(program, args, options);
  if (code !== 0) throw new Error(`${program} ${args.join(' ')} exited ${code}: ${stdout}${stderr}`);
  return `${stdout}${stderr}`;
}

const GIT_ENV = {
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_AUTHOR_NAME: 'Yuri Popoff',
  GIT_AUTHOR_EMAIL: 'yuri@example.org',
  GIT_COMMITTER_NAME: 'Yuri Popoff',
  GIT_COMMITTER_EMAIL: 'yuri@example.org',
};

export type Workshop = Awaited<ReturnType<typeof openWorkshop>>;

/** `configure` gets the workshop's directories and returns the configuration. */
export async function openWorkshop(configure: (place: { dir: string; git: string; svn: string }) => unknown) {
  const dir = await mkdtemp(join(tmpdir(), 'lockstep-test-'));
  const git = join(dir, 'shop.git');
  const svn = join(dir, 'portal');
  const tree = join(dir, 'tree');
  const data = join(dir, 'data');
  const config = join(dir, 'branches.config.json');
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  let daemon: ChildProcess | null = null;

  await must('git', ['init', '-q', '--bare', git]);
  await must('git', ['clone', '-q', git, tree]);
  await writeFile(config, JSON.stringify(configure({ dir, git, svn }), null, 2));

  const lockstep = (args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ran> =>
    run(LOCKSTEP, args, { cwd: dir, env: { LOCKSTEP_URL: url, LOCKSTEP_CONFIG: config, LOCKSTEP_DATA: data, NO_COLOR: '1', ...env } });

  async function start(
    program: readonly string[] = [LOCKSTEP, 'daemon', '--listen', `127.0.0.1:${port}`],
    env: NodeJS.ProcessEnv = {},
  ): Promise<void> {
    const settings = { LOCKSTEP_CONFIG: config, LOCKSTEP_DATA: data, LOCKSTEP_LISTEN: `127.0.0.1:${port}`, ...env };
    const child = spawn(program[0] as string, program.slice(1), {
      cwd: dir,
      env: { ...process.env, ...settings },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let said = '';
    child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
    daemon = child;
    const isUp = (): boolean => said.includes('Lockstep listening on') || child.exitCode !== null || child.signalCode !== null;
    await until(isUp, { timeoutMs: 90_000, what: 'the daemon listens' });
    if (!said.includes('Lockstep listening on') && child.signalCode === null) throw new Error(`the daemon did not start: ${said}`);
  }

  /** Ends the daemon with a signal and waits until it is gone. */
  async function stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const child = daemon;
    daemon = null;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await gone;
  }

  async function json<T>(...args: string[]): Promise<T> {
    const { stdout, stderr, code } = await lockstep([...args, '--json']);
    if (stdout === '') throw new Error(`lockstep ${args.join(' ')} exited ${code}: ${stderr}`);
    return JSON.parse(stdout) as T;
  }

  async function api<T>(path: string): Promise<T> {
    const token = (await readFile(join(data, 'token'), 'utf8')).trim();
    const response = await fetch(`${url}/api/v1/${path}`, { headers: { authorization: `Bearer ${token}` } });
    return (await response.json()) as T;
  }

  return {
    dir,
    git,
    svn,
    tree,
    data,
    config,
    url,
    port,
    lockstep,
    start,
    stop,
    daemon: () => daemon,
    /** What `lockstep status CLUSTER --json` prints, without the cost of a process. */
    status: (cluster: string) => api<ClusterView>(`clusters/${cluster}`),
    show: (number: number) => api<DeploymentView>(`deployments/${number}`),
    json,
    /** Writes files (null: removes them) into the git working tree and commits; returns the commit's id. */
    async commit(files: Readonly<Record<string, string | null>>, message = 'A change'): Promise<string> {
      for (const [path, content] of Object.entries(files)) {
        await mkdir(dirname(join(tree, path)), { recursive: true });
        if (content === null) await rm(join(tree, path), { recursive: true });
        else await writeFile(join(tree, path), content);
      }
      await must('git', ['add', '-A'], { cwd: tree });
      await must('git', ['commit', '-q', '--allow-empty', '-m', message], { cwd: tree });
      return (await must('git', ['rev-parse', 'HEAD'], { cwd: tree })).trim();
    },
    /** Pushes; returns what the pusher saw. */
    push: (...refs: string[]): Promise<string> => must('git', ['push', '--force', 'origin', ...refs], { cwd: tree }),
    async log(): Promise<string> {
      return readFile(join(data, 'daemon.log'), 'utf8').catch(() => '');
    },
    async close(): Promise<void> {
      await stop('SIGTERM');
      // Agents and watchdogs notice within a second or two that their daemon has gone, and may still write until then.
      await rm(dir, { recursive: true, force: true, maxRetries: 20, retryDelay: 250 });
    },
  };
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Waits until a cluster serves the revision and nothing is under way. */
export async function untilLive(workshop: Workshop, cluster: string, revision: string, timeoutMs = 90_000): Promise<ClusterView> {
  let view: ClusterView | null = null;
  const isLive = async (): Promise<boolean> => {
    view = await workshop.status(cluster);
    return view.release?.revision === revision && view.state === 'idle';
  };
  await until(isLive, { timeoutMs, what: `${cluster} serves ${revision}` });
  return view as unknown as ClusterView;
}

/** `diff -r` of two trees; empty: they are equal. */
export async function difference(a: string, b: string): Promise<string> {
  const { stdout, stderr } = await run('diff', ['-r', '--no-dereference', '--exclude=.git', '--exclude=.svn', a, b]);
  return `${stdout}${stderr}`;
}
