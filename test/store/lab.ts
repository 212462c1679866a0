// What the tests of the store share: temporary directories, child processes that run our TypeScript, and small records.
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Recorded } from '../../src/core/event.ts';
import type { Batch } from '../../src/core/ports.ts';
import type { DeliveryRecord, DeploymentRecord } from '../../src/core/records.ts';

/** Lets Node run TypeScript: module customization hooks that hand it to swc, as jest does. */
const LOADER = `
import { readFile } from 'node:fs/promises';
import { register } from 'node:module';
import { fileURLToPath } from 'node:url';
import { isMainThread } from 'node:worker_threads';

if (isMainThread) register(import.meta.url);

export async function load(url, context, next) {
  if (!url.endsWith('.ts')) return next(url, context);
  const { transform } = await import(${JSON.stringify(createRequire(import.meta.url).resolve('@swc/core'))});
  const filename = fileURLToPath(url);
  const jsc = { target: 'es2023', parser: { syntax: 'typescript' } };
  const { code } = await transform(await readFile(filename, 'utf8'), { filename, module: { type: 'es6' }, jsc });
  return { format: 'module', source: code, shortCircuit: true };
}`;

const made: string[] = [];

export async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'lockstep-store-'));
  made.push(directory);
  return directory;
}

export async function removeTemporaryDirectories(): Promise<void> {
  for (const directory of made.splice(0)) await rm(directory, { recursive: true, force: true });
}

export type Child = { readonly process: ChildProcess; readonly output: () => string; readonly ended: Promise<number | null> };

/** Runs a TypeScript program (its text; `SRC` stands for the URL of src/) in a process of its own, under `wrapper` if given. */
export async function runProgram(text: string, args: readonly string[], wrapper: readonly string[] = []): Promise<Child> {
  const directory = await temporaryDirectory();
  const file = join(directory, 'program.ts');
  await writeFile(join(directory, 'package.json'), '{"type":"module"}');
  await writeFile(file, text.replaceAll('SRC', new URL('../../src', import.meta.url).href));
  const loader = join(directory, 'loader.js');
  await writeFile(loader, LOADER);
  const [command, ...rest] = [...wrapper, process.execPath, '--import', loader, file, ...args];
  const child = spawn(command as string, rest, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, NODE_OPTIONS: '' } });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8');
    stream.on('data', (chunk: string) => {
      output += chunk;
    });
  }
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  return { process: child, output: () => output, ended };
}

export const emptyBatch: Batch = { events: [], deployments: [], clusters: [], deliveries: [], heads: [], audit: [] };

export function started(number: number, deployment: number): Recorded {
  return { number, at: 1_700_000_000_000 + number, deployment, event: { type: 'started', stage: 1, server: number % 7 } };
}

export function deploymentRecord(number: number, cluster: string, ended: boolean): DeploymentRecord {
  return {
    number,
    cluster,
    ended,
    view: {
      number,
      cluster,
      repository: 'shop',
      purpose: 'deploy',
      branch: 'servers/production',
      revision: 'a'.repeat(40),
      author: 'Ada',
      message: 'Fix the cart',
      release: null,
      previous: null,
      artifact: null,
      state: ended ? 'ended' : 'uploading',
      result: ended ? 'done' : null,
      reason: 'push',
      problem: null,
      requestedBy: 'ada',
      requestedAt: '2026-01-01T00:00:00.000Z',
      waitsFor: null,
      endedAt: null,
      supersededBy: null,
      steps: [],
      servers: [],
    },
  };
}

export function deliveryRecord(delivery: string, closed: boolean): DeliveryRecord {
  const change = { delivery, repository: 'shop', refs: [{ ref: 'servers/demo', deleted: false }], actor: 'ada', source: 'hook' };
  return { change, receivedAt: 1_700_000_000_000, outcomes: [], closed };
}
