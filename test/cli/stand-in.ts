// A daemon's API with canned answers and an event stream that the test feeds, and a terminal that remembers what was written.
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Writable } from 'node:stream';
import { runCommand } from '../../src/cli/run.ts';
import type { CliWiring, CommandIo } from '../../src/cli/wiring.ts';
import type { ClusterView, DeploymentView, EventView, OverviewView, PlanView, StepView } from '../../src/core/views.ts';
import { STEPS } from '../../src/core/step.ts';

export type Request = { method: string; path: string; body: unknown; authorization: string | undefined; lastEventId: string | undefined };

export type StandIn = {
  url: string;
  requests: Request[];
  /** Answers by `METHOD path`; a function is asked each time. */
  answers: Map<string, { status?: number; json?: unknown; text?: string } | (() => unknown)>;
  /** Streams that are open now. */
  streams: Set<ServerResponse>;
  emit(...events: EventView[]): void;
  ping(): void;
  breakStreams(): void;
  stop(): Promise<void>;
};

/** `port` 0: any free one. */
export async function startStandIn(port = 0): Promise<StandIn> {
  const requests: Request[] = [];
  const answers: StandIn['answers'] = new Map();
  const streams = new Set<ServerResponse>();
  const server: Server = createServer((request, response) => void answer(request, response));

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    const path = request.url ?? '';
    const method = request.method ?? '';
    requests.push({
      method,
      path,
      body: body === '' ? null : JSON.parse(body),
      authorization: request.headers.authorization,
      lastEventId: request.headers['last-event-id'] as string | undefined,
    });
    const found = answers.get(`${method} ${path}`);
    if (found === undefined && path.startsWith('/api/v1/events')) {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(': connected\n\n');
      streams.add(response);
      response.on('close', () => streams.delete(response));
      return;
    }
    if (typeof found === 'function') {
      response.setHeader('content-type', 'application/json').end(JSON.stringify(found()));
    } else if (found === undefined) {
      response.writeHead(404).end(JSON.stringify({ error: { code: 'not-found', message: 'There is nothing at this address.' } }));
    } else {
      response.writeHead(found.status ?? 200).end(found.text ?? JSON.stringify(found.json));
    }
  }

  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    answers,
    streams,
    emit(...events) {
      for (const stream of streams) for (const event of events) stream.write(`id: ${event.id}\ndata: ${JSON.stringify(event)}\n\n`);
    },
    ping() {
      for (const stream of streams) stream.write(': ping\n\n');
    },
    breakStreams() {
      for (const stream of streams) stream.destroy();
    },
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export class Paper extends Writable {
  text = '';
  isTTY: boolean;
  columns: number | undefined;
  rows: number | undefined;

  constructor(isTTY = false, columns = 100) {
    super({ decodeStrings: false });
    this.isTTY = isTTY;
    this.columns = isTTY ? columns : undefined;
    this.rows = isTTY ? 50 : undefined;
  }

  override _write(chunk: string, _encoding: string, done: () => void): void {
    this.text += chunk;
    done();
  }
}

export type Outcome = { exit: number; stdout: string; stderr: string };

export type RunOptions = {
  url?: string;
  env?: Record<string, string>;
  cwd?: string;
  tty?: boolean;
  columns?: number;
  signal?: AbortSignal;
  wiring?: Partial<CliWiring>;
  /** Receives the streams before the command runs. */
  watch?: (stdout: Paper, stderr: Paper) => void;
};

export async function run(argv: string[], options: RunOptions = {}): Promise<Outcome> {
  const stdout = new Paper(options.tty, options.columns);
  const stderr = new Paper(options.tty, options.columns);
  options.watch?.(stdout, stderr);
  const io: CommandIo = {
    stdout,
    stderr,
    env: {
      LOCKSTEP_TOKEN: 'sesame-sesame-sesame',
      PATH: process.env['PATH'],
      ...(options.url === undefined ? {} : { LOCKSTEP_URL: options.url }),
      ...options.env,
    },
    cwd: options.cwd ?? '/nonexistent/work',
    signal: options.signal ?? new AbortController().signal,
  };
  const exit = await runCommand(argv, io, { ...wiring, ...options.wiring });
  return { exit, stdout: stdout.text, stderr: stderr.text };
}

const wiring: CliWiring = {
  version: '9.8.7',
  startDaemon: ({ listen, ready }) => Promise.resolve(ready(`http://${listen}`)),
  checkConfiguration: () => Promise.resolve({ text: '2 clusters, 3 servers', warnings: [] }),
  checkServers: () => Promise.resolve([]),
  checkOutside: () => Promise.resolve([]),
  checkRepositories: () => Promise.resolve({ results: [], branches: [] }),
  initialise: ({ config, data, dir }) => Promise.resolve([`wrote ${config}`, `made ${data}`, `in ${dir}`]),
  installHooks: ({ path, repository, url }) => Promise.resolve([`${path} ${repository ?? 'found by URL'} ${url}`]),
  lintMigrations: ({ cluster, directory, dir }) =>
    Promise.resolve({ cluster, directory: directory ?? dir, files: 0, level: 'warn', findings: [] }),
  hookSecret: ({ repository, rotate, retire, url }) =>
    Promise.resolve({
      repository,
      forge: 'github',
      url: `${url}/hooks/${repository}`,
      secret: 'whsec_x',
      inForce: rotate ? 2 : 1,
      lines: [`${repository} ${url} rotate=${rotate} retire=${retire}`],
    }),
  trustServers: ({ cluster }) => Promise.resolve([`trusted ${cluster ?? 'all'}`]),
};

export const REVISION = '1a2b3c4d5e6f7a8b9c0d1a2b3c4d5e6f7a8b9c0d';

/** ISO time so many seconds ago. */
export const secondsAgo = (seconds: number): string => new Date(Date.now() - seconds * 1000).toISOString();

export function clusterView(name: string, more: Partial<ClusterView> = {}): ClusterView {
  return {
    cluster: name,
    environment: 'production',
    state: 'idle',
    release: {
      id: `shop_${name}_1`,
      revision: REVISION,
      author: 'Ann Lee',
      message: 'Fix the cart\n\nLong story.',
      live: secondsAgo(7300),
    },
    held: null,
    locked: null,
    deployment: 41,
    waiting: null,
    waitsFor: null,
    skipped: null,
    branches: [{ repository: 'shop', branch: `servers/${name}` }],
    drifted: [],
    servers: ['web1', 'web2', 'web3'].map((server) => ({ name: server, state: 'live', release: `shop_${name}_1`, error: null })),
    removed: [],
    ...more,
  };
}

export const overviewView = (clusters: ClusterView[], more: Partial<OverviewView> = {}): OverviewView => ({
  version: '9.8.7',
  clusters,
  configurationProblem: null,
  storeProblem: null,
  ...more,
});

export function planView(more: Partial<PlanView> = {}): PlanView {
  return {
    cluster: 'production',
    repository: 'shop',
    branch: 'servers/production',
    revision: REVISION,
    author: 'Ann Lee',
    message: 'Fix the cart',
    live: null,
    built: false,
    steps: [{ step: 'upload', what: 'send the files to 3 servers, 50 at a time' }],
    servers: ['web1', 'web2', 'web3'],
    verdict: 'deploy',
    ...more,
  };
}

export function stepViews(total: number, running: number, done = 0): StepView[] {
  return STEPS.map((step, i) => ({
    step,
    direction: 'forward',
    state: i < running ? 'done' : i === running ? 'running' : 'waiting',
    startedAt: i <= running ? secondsAgo(20 - i) : null,
    finishedAt: i < running ? secondsAgo(19 - i) : null,
    done: i < running ? (step === 'build' || step === 'migrate' ? 1 : total) : i === running ? done : 0,
    total: i <= running ? (step === 'build' || step === 'migrate' ? 1 : total) : 0,
  }));
}

export function deploymentView(more: Partial<DeploymentView> = {}): DeploymentView {
  return {
    number: 42,
    cluster: 'production',
    repository: 'shop',
    purpose: 'deploy',
    branch: 'servers/production',
    revision: REVISION,
    author: 'Ann Lee',
    message: 'Fix the cart\n\nLong story.',
    release: 'shop_production_2',
    previous: 'shop_production_1',
    artifact: null,
    state: 'uploading',
    result: null,
    reason: 'push',
    problem: null,
    requestedBy: 'ann',
    requestedAt: secondsAgo(21),
    waitsFor: null,
    endedAt: null,
    supersededBy: null,
    steps: stepViews(3, 2, 1),
    servers: ['web1', 'web2', 'web3'].map((name) => ({
      name,
      state: 'uploading',
      release: 'shop_production_1',
      error: null,
      bytes: 1200,
      carrier: 'delta',
      warning: null,
    })),
    ...more,
  };
}

export const endedView = (more: Partial<DeploymentView> = {}): DeploymentView =>
  deploymentView({ state: 'ended', result: 'done', endedAt: secondsAgo(0), steps: stepViews(3, 8), ...more });

let lastEvent = 100;

export function eventView(more: Partial<EventView> = {}): EventView {
  lastEvent += 1;
  return {
    id: lastEvent,
    at: secondsAgo(0),
    deployment: 42,
    cluster: 'production',
    type: 'finished',
    text: 'upload finished on web1',
    step: 'upload',
    server: 'web1',
    ...more,
  };
}
