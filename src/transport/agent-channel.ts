// A channel to a server's agent: verbs become requests; broken connections are made anew, and the request is repeated.
import type { Channel, RunRequest, SendRequest, StageRequest, UnpackRequest, Unpacked } from '../core/channel.ts';
import type { AbLayout } from '../core/cluster.ts';
import { DeployError } from '../core/errors.ts';
import type { Server } from '../core/server.ts';
import { WITH_LOCK } from './agent-script.ts';
import {
  BadAnswer,
  differencesOf,
  done,
  examinationOf,
  greetingOf,
  isState,
  inspectionOf,
  pathsOf,
  previousOf,
  refusalOf,
  runResultOf,
  savedOf,
  stateOf,
  treeOf,
  unpackedOf,
  warningsOf,
} from './answers.ts';
import { connectionKeeper } from './connection-keeper.ts';
import type { KeeperOptions } from './connection-keeper.ts';
import { consignmentOf, wholeOf } from './consignment.ts';
import type { Limiter } from './limiter.ts';
import type { Link } from './link.ts';
import type { Pacer } from './pacer.ts';
import {
  collectPayload,
  helloPayload,
  needName,
  providePayload,
  runPayload,
  sealPayload,
  seedPayload,
  shapePayload,
  sharedPayload,
  stagePayload,
  unpackPayload,
  wordOrNone,
} from './payloads.ts';
import { relayVerbs } from './relay-verbs.ts';
import type { Ask } from './relay-verbs.ts';
import { exactPattern } from './rsync-argv.ts';
import { opensAnother } from './second-session.ts';
import { listTree, runTransfer } from './send.ts';
import { pause } from './time.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
/** How long a look may take; reading every file of a release takes longest. */
const LOOK_MS = { state: 30 * SECOND, tree: 2 * MINUTE, content: 15 * MINUTE };
/** Agents of one daemon start are told apart by epoch, its requests by this number: see `enter` in agent/shared.sh. */
let lastSeq = 0;

export type ChannelOptions = {
  readonly server: Server;
  readonly epoch: number;
  readonly layout: AbLayout | null;
  /** The cluster's maintenance page; empty: it has none. */
  readonly page: string;
  readonly link: Link;
  readonly limiter: Limiter;
  readonly warm?: KeeperOptions['warm'];
  /** Is it given up soon when it breaks? */
  readonly isBrief?: boolean;
  /** The budget of the server's zone. */
  readonly pacer?: Pacer | null;
  /** The host keys of another server, for its relay. */
  readonly hostKeys: (server: Server) => Promise<string>;
};

export function agentChannel(options: ChannelOptions): Channel {
  const { server, epoch, layout, page, link, limiter, warm = null, isBrief = false, pacer = null, hostKeys } = options;
  const keeper = connectionKeeper({ server, link, limiter, warm, isBrief });
  /** Of the last upload that was staged: a repair must not delete its links. */
  let staged: { release: string; links: readonly string[] } = { release: '', links: [] };

  async function ask<T>({
    verb,
    what = verb,
    op = '-',
    words = [],
    payload = Buffer.alloc(0),
    pack,
    limitMs = 30 * SECOND,
    read,
    signal,
  }: Ask<T>): Promise<T> {
    if (op !== '-') needName(op);
    return keeper.use(what, limitMs, signal, async (session, limited) => {
      for (let tries = 0; ; tries++) {
        const sent = Date.now();
        const value = await session.ask(++lastSeq, { verb, epoch, op, words, payload, pacer, ...(pack && { pack }) }, limited);
        try {
          const refusal = refusalOf(value);
          if (refusal === null) return read(value, sent);
          if (refusal.code !== 'overtaken' || tries > 5) {
            const code = refusal.code === 'overtaken' ? 'conflict' : refusal.code;
            throw new DeployError(code, `${what} of ${server.name} failed: ${refusal.message}`);
          }
          // Another channel of this daemon was faster; this request is as wanted as before, so it takes a later number.
          lastSeq = Math.max(lastSeq, refusal.last);
        } catch (error) {
          if (!(error instanceof BadAnswer)) throw error;
          const heard = JSON.stringify(value).slice(0, 200);
          throw new DeployError('bad-answer', `${what} of ${server.name} failed: the server's answer makes no sense: ${heard}`);
        }
      }
    });
  }

  async function stage(op: string, request: StageRequest, signal: AbortSignal): Promise<'staged' | 'sealed'> {
    const { release, artifact, base, links } = request;
    const { payload, unlinkedBytes } = stagePayload(request);
    staged = { release, links: links.map((link) => link.path) };
    const words = [needName(release), needName(artifact), wordOrNone(base), unlinkedBytes];
    const read = (value: unknown) => stateOf(value, ['staged', 'sealed'] as const);
    return ask({ verb: 'stage', what: 'upload', op, words, payload, limitMs: 10 * MINUTE, read, signal });
  }

  async function unpack(op: string, request: UnpackRequest, signal: AbortSignal): Promise<Unpacked> {
    const { release, artifact, base, revision, shipment, token, isBrief = false, stored = false } = request;
    const { links } = shipment;
    staged = { release, links: links.map((link) => link.path) };
    const hashes = [needName(shipment.content), needName(shipment.tree)];
    const names = [needName(release), needName(artifact), wordOrNone(base), wordOrNone(shipment.baseTree), ...hashes, needName(revision)];
    const { payload, sizes } = unpackPayload(shipment);
    const { pack } = wholeOf(shipment);
    const words = [...names, pack.compression, wordOrNone(token), briefly(isBrief), ...sizes];
    const common = { what: 'upload', op, limitMs: null, read: unpackedOf, signal };
    try {
      if (stored) {
        const { sha256 } = await consignmentOf(shipment);
        return { ...(await ask({ ...common, verb: 'unpack-stored', words: [sha256, pack.bytes, ...words] })), bytes: 0 };
      }
      // The lists may be long: where there is a budget, they too are sent within it.
      const content = pacer === null ? { payload, pack: shipment.pack } : { pack };
      const answer = await ask({ ...common, ...content, verb: 'unpack', words });
      return { ...answer, bytes: answer.state === 'sealed' ? 0 : pack.bytes };
    } catch (error) {
      throw await giveBackRoom(error, 'upload', release, signal);
    }
  }

  /** After a full disk. Returns the error. */
  async function giveBackRoom(error: unknown, what: string, release: string, signal: AbortSignal): Promise<unknown> {
    // Half an upload must not take the room that the live application needs.
    if (error instanceof DeployError && error.code === 'disk')
      await ask({ verb: 'discard', what, words: [release], read: done, signal }).catch(() => undefined);
    return error;
  }

  async function send(request: SendRequest, signal: AbortSignal): Promise<{ bytes: number }> {
    const { release, directory, files, except, repair } = request;
    const destination = `${server.path}/.lockstep/incoming/${needName(release)}`;
    const what = repair ? 'repair' : 'upload';
    if (repair) await ask({ verb: 'separate', what, words: [release], limitMs: 15 * MINUTE, read: done, signal });
    const kept = [...except, ...(staged.release === release ? staged.links : [])];
    const input = repair ? kept.map(exactPattern) : (files ?? (await listTree(directory, new Set(except)))).map((path) => `./${path}`);
    if (!repair && input.length === 0) return { bytes: 0 };
    try {
      const { bytesPerSecond = null } = pacer ?? {};
      const kind = repair ? 'mirrored' : 'listed';
      const transfer = (): Promise<number> =>
        keeper.use(what, null, signal, ({ carrier }, limited) =>
          runTransfer({ carrier, source: directory, destination, kind, bytesPerSecond }, input, limited),
        );
      return { bytes: await (pacer === null ? transfer() : pacer.alone(transfer)) };
    } catch (error) {
      throw await giveBackRoom(error, what, release, signal);
    }
  }

  async function lock(op: string, token: string, request: Parameters<Channel['lock']>[2], signal: AbortSignal): Promise<void> {
    const end = Date.now() + request.botsTimeoutMs;
    for (;;) {
      const remaining = Math.max(0, end - Date.now());
      const words = [
        needName(token),
        seconds(request.timeoutMs),
        Math.min(1, remaining / SECOND).toFixed(2),
        Math.floor(Date.now() / SECOND),
      ];
      const read = (value: unknown) => stateOf(value, ['locked', 'waiting', 'unready'] as const);
      let state = await ask({ verb: 'lock', op, words, read, signal });
      if (state === 'unready') state = await ask({ verb: 'lock', op, words, payload: Buffer.from(request.page), read, signal });
      if (state === 'locked' || request.botsTimeoutMs === 0) return;
      if (remaining > 0) continue;
      const message =
        `lock of ${server.name} failed: after ${seconds(request.botsTimeoutMs)} s a bot still holds ${server.path}/.lockstep/bots; ` +
        `\`fuser -v ${server.path}/.lockstep/bots\` there names it`;
      throw new DeployError('timeout', message);
    }
  }

  async function run(op: string, request: RunRequest, signal: AbortSignal) {
    const { name, command, release, environment } = request;
    const { payload, variables } = runPayload(environment, command.run);
    const words = [release === '' ? '-' : needName(release), seconds(command.timeoutMs), variables];
    for (;;) {
      // The agent waits up to a second for the end; between two requests other verbs have their turn, so that locks can be kept alive.
      const result = await ask({ verb: 'run', what: name, op, words, payload, read: (value) => ({ end: runResultOf(value) }), signal });
      if (result.end !== null) return result.end;
      await pause(50, signal).catch((error: unknown) => {
        throw keeper.stopped(name, error, null);
      });
    }
  }

  return {
    server,
    connect: (signal) => keeper.connect(signal),
    hello: async (signal, look) => {
      const { payload, pageBytes, name } = helloPayload(WITH_LOCK, page, layout);
      const question = {
        verb: 'hello',
        what: 'connection',
        words: [WITH_LOCK.length, pageBytes, name, look ?? '-'],
        signal,
      };
      const greeting = await ask({ ...question, read: (value) => (isState(value, 'unplaced') ? null : greetingOf(value)) });
      return greeting ?? ask({ ...question, payload, read: greetingOf });
    },
    inspect: (depth, signal) => {
      const read = (value: unknown, sent: number) => inspectionOf(value, sent, Date.now());
      return ask({ verb: 'inspect', what: 'inspection', words: [depth], limitMs: LOOK_MS[depth], read, signal });
    },
    tree: (release, signal) =>
      ask({ verb: 'tree', what: 'inspection', words: [needName(release)], limitMs: LOOK_MS.tree, read: treeOf, signal }),
    compare: (release, shape, depth, signal) => {
      const { payload, treeBytes } = shapePayload(shape, depth);
      const words = [needName(release), treeBytes, depth];
      return ask({ verb: 'compare', what: 'comparison', words, payload, limitMs: LOOK_MS[depth], read: differencesOf, signal });
    },
    save: (op, release, shape, signal) => {
      const { payload, treeBytes } = shapePayload(shape, 'content');
      const words = [needName(release), treeBytes];
      return ask({ verb: 'save', what: 'saving of changed files', op, words, payload, limitMs: LOOK_MS.content, read: savedOf, signal });
    },
    examine: async (shared, signal) => {
      const examined = await ask({ verb: 'examine', what: 'examination', payload: sharedPayload(shared), read: examinationOf, signal });
      const secondSession = await keeper.use('a second session', 30 * SECOND, signal, ({ carrier }, limited) =>
        opensAnother(carrier, limited),
      );
      return { ...examined, missing: examined.missing.filter((path) => shared.includes(path)), secondSession };
    },
    stage,
    send,
    unpack,
    ...relayVerbs({ ask, pacer, hostKeys }),
    seal: (op, request, signal) => {
      const { release, artifact, content, tree, base = null, revision = null } = request;
      const words = [...[release, artifact, content, tree].map(needName), wordOrNone(base), wordOrNone(revision)];
      return ask({
        verb: 'seal',
        what: 'verification',
        op,
        words,
        payload: sealPayload(request),
        limitMs: 15 * MINUTE,
        read: done,
        signal,
      });
    },
    provide: (op, request, signal) => {
      const { payload, indexBytes } = providePayload(request);
      const words = [needName(request.release), indexBytes];
      return ask({ verb: 'provide', what: 'upload', op, words, payload, limitMs: 5 * MINUTE, read: done, signal });
    },
    provided: (release, signal) => ask({ verb: 'provided', what: 'upload', words: [needName(release)], read: pathsOf, signal }),
    seed: (op, release, seeds, signal) => {
      const payload = seedPayload(seeds);
      return ask({ verb: 'seed', what: 'upload', op, words: [needName(release)], payload, limitMs: 15 * MINUTE, read: done, signal });
    },
    verify: (request, signal) => {
      const words = [request.release, request.content, request.tree].map(needName);
      const read = (value: unknown) => stateOf(value, ['intact', 'damaged'] as const);
      return ask({ verb: 'verify', what: 'verification', words, payload: sealPayload(request), limitMs: 15 * MINUTE, read, signal });
    },
    preview: (op, release, signal) => ask({ verb: 'preview', op, words: [needName(release)], read: done, signal }),
    ready: (op, { token, release, isBrief = false }, signal) => {
      const words = [needName(token), wordOrNone(release), briefly(isBrief)];
      return ask({ verb: 'ready', op, words, read: done, signal });
    },
    lock,
    decide: (op, token, { release, timeoutMs, durable }, signal) => {
      const words = [needName(token), wordOrNone(release), seconds(timeoutMs), durable ? 'now' : 'soon'];
      return ask({ verb: 'decide', op, words, read: done, signal });
    },
    switch: async (op, token, release, signal) => {
      const words = [wordOrNone(token), wordOrNone(release)];
      return { previous: await ask({ verb: 'switch', op, words, read: previousOf, signal }) };
    },
    unlock: (op, token, signal) => ask({ verb: 'unlock', op, words: [needName(token)], read: done, signal }),
    run,
    collect: (keep, signal, cloneAhead = false) => {
      const payload = collectPayload(keep);
      return ask({ verb: 'collect', words: [cloneAhead ? 'ahead' : '-'], payload, limitMs: 5 * MINUTE, read: warningsOf, signal });
    },
    close: () => keeper.close(),
  };
}

const briefly = (isBrief: boolean): string => (isBrief ? 'brief' : '-');

const seconds = (ms: number): number => Math.max(1, Math.ceil(ms / SECOND));
