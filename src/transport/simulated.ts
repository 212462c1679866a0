// Servers in memory that behave like servers with an agent: for plans of scale, and for tests with thousands of servers.
import type { Channel, ChannelSettings, Shipment, Transport } from '../core/channel.ts';
import { DeployError } from '../core/errors.ts';
import type { ErrorCode } from '../core/errors.ts';
import type { Server } from '../core/server.ts';
import { isTimeOver } from './time.ts';

type Lock = { token: string; epoch: number; deadline: number; fallback: string | null };

/** What one server holds. Survives channels, as a server survives connections. */
type State = {
  epoch: number;
  current: string | null;
  readonly sealed: Map<string, string>;
  /** The hashes that releases were sealed with. */
  readonly trees: Map<string, string>;
  readonly incoming: Map<string, string>;
  /** Paths of files from outside, by release. */
  readonly files: Map<string, readonly string[]>;
  /** The release that a clone was made of ahead. */
  next: string | null;
  lock: Lock | null;
  readonly answers: Map<string, unknown>;
  /** What relays keep or brought, and what is expected of them: until the end of a deployment. */
  readonly stored: Set<Shipment>;
  readonly expected: Set<Shipment>;
};

/** Operations that a server remembers. */
const ANSWERS_KEPT = 200;

/** All of them; one for each cluster and server name. */
export function simulatedServers(): Transport {
  const servers = new Map<string, State>();
  return {
    channel: (server, settings) => {
      const key = `${settings.cluster.name}\n${server.name}`;
      const state = servers.get(key) ?? emptyState();
      servers.set(key, state);
      return simulatedChannel(server, settings, state, (other) => servers.get(`${settings.cluster.name}\n${other.name}`) ?? null);
    },
  };
}

const emptyState = (): State => ({
  epoch: 0,
  current: null,
  sealed: new Map(),
  trees: new Map(),
  incoming: new Map(),
  files: new Map(),
  next: null,
  lock: null,
  answers: new Map(),
  stored: new Set(),
  expected: new Set(),
});

/** `stateOf`: of another server of the cluster. */
function simulatedChannel(
  server: Server,
  { epoch, cluster }: ChannelSettings,
  state: State,
  stateOf: (other: Server) => State | null,
): Channel {
  const { delayMs, failures } = cluster.simulation;
  let isClosed = false;

  const problem = (code: ErrorCode, verb: string, message: string) => new DeployError(code, `${verb} of ${server.name} failed: ${message}`);

  async function reach(verb: string, signal: AbortSignal): Promise<void> {
    await delay(Math.random() * delayMs, signal, () => problem(isTimeOver(signal.reason) ? 'timeout' : 'aborted', verb, 'it was stopped'));
    if (isClosed) throw problem('aborted', verb, 'the channel is closed');
  }

  /** A verb that only looks: it fences nobody. */
  async function watch<T>(verb: string, signal: AbortSignal, look: () => T): Promise<T> {
    await reach(verb, signal);
    if (Math.random() < failures) throw problem('unreachable', verb, 'simulated: the connection broke');
    return look();
  }

  /** One verb: takes its time, may fail before or after its effect (nobody can tell), and acts like the agent's `enter`. */
  async function act<T>(verb: string, signal: AbortSignal, effect: () => T): Promise<T> {
    await reach(verb, signal);
    const fails = Math.random() < failures;
    if (fails && Math.random() < 0.5) throw problem('unreachable', verb, 'simulated: the connection broke');
    if (epoch < state.epoch) throw problem('fenced', verb, `epoch ${epoch} is over: this server has seen epoch ${state.epoch}`);
    state.epoch = epoch;
    endLockInTime(state);
    const result = effect();
    if (fails) throw problem('unreachable', verb, 'simulated: the connection broke before the answer came');
    return result;
  }

  function once<T>(op: string, work: () => T): T {
    if (state.answers.has(op)) return state.answers.get(op) as T;
    const answer = work();
    state.answers.set(op, answer);
    const oldest = state.answers.keys().next().value;
    if (state.answers.size > ANSWERS_KEPT && oldest !== undefined) state.answers.delete(oldest);
    return answer;
  }

  function needLock(verb: string, token: string): Lock {
    if (state.lock?.token !== token) throw problem('lock-lost', verb, 'the lock is not held any more');
    return state.lock;
  }

  const needSealed = (verb: string, release: string | null): void => {
    if (release !== null && release !== state.current && !state.sealed.has(release))
      throw problem('not-found', verb, `there is no release ${release}`);
  };

  return {
    server,
    connect: () => undefined,
    hello: (signal, look) =>
      act('connection', signal, () => ({
        current: state.current,
        sealed: [...state.sealed].map(([release, artifact]) => ({ release, artifact })),
        adopted: [],
        lock: state.lock?.token ?? null,
        revision: null,
        freeBytes: 2 ** 40,
        freeInodes: 2 ** 20,
        rsync: '3.2.7',
        unpacks: ['none', 'gzip', 'zstd'],
        tree: look === undefined || state.current === null ? null : (state.trees.get(state.current) ?? null),
      })),
    inspect: (depth, signal) =>
      watch('inspection', signal, () => {
        const { current } = state;
        return {
          pointer: current === null ? 'none' : 'release',
          current,
          target: current === null ? null : `releases/${current}`,
          artifact: current === null ? null : (state.sealed.get(current) ?? null),
          tree: current === null || depth === 'state' ? null : (state.trees.get(current) ?? null),
          content: null,
          lock: state.lock?.token ?? null,
          lockLeftMs: state.lock === null ? 0 : Math.max(0, state.lock.deadline - Date.now()),
          maintenance: state.lock !== null,
          freeBytes: 2 ** 40,
          freeInodes: 2 ** 20,
          rsync: '3.2.7',
          agent: '0'.repeat(64),
          skewMs: 0,
        };
      }),
    // There are no files that could differ.
    tree: (release, signal) => act('inspect', signal, () => state.trees.get(release) ?? null),
    compare: (_release, _shape, _depth, signal) => watch('comparison', signal, () => ({ total: 0, lines: [] })),
    save: (_op, _release, _shape, signal) => act('saving of changed files', signal, () => ({ total: 0, lines: [], saved: null })),
    examine: (_shared, signal) => watch('examination', signal, () => ({ lacks: [], missing: [], secondSession: true })),
    stage: (_op, { release, artifact }, signal) =>
      act('upload', signal, () => {
        const there = state.sealed.get(release);
        if (there !== undefined && there !== artifact)
          throw problem('conflict', 'upload', `${release} is there already, with another content`);
        if (there === undefined) state.incoming.set(release, artifact);
        return there === undefined ? 'staged' : 'sealed';
      }),
    send: ({ files }, signal) => act('upload', signal, () => ({ bytes: (files?.length ?? 100) * 100 })),
    seal: (_op, { release, artifact, tree }, signal) =>
      act('verification', signal, () => {
        if (state.sealed.get(release) === artifact) return;
        if (state.incoming.get(release) !== artifact) throw problem('mismatch', 'verification', `there is no upload of ${release}`);
        state.incoming.delete(release);
        state.sealed.set(release, artifact);
        state.trees.set(release, tree);
      }),
    unpack: (_op, { release, artifact, base, shipment, stored = false }, signal) =>
      act('upload', signal, () => {
        const there = state.sealed.get(release);
        if (there !== undefined && there !== artifact)
          throw problem('conflict', 'upload', `${release} is there already, with another content`);
        if (there !== undefined) return { state: 'sealed', clone: 'none', bytes: 0 };
        if (stored && !state.stored.has(shipment))
          throw problem('not-found', 'upload', 'the pack that a relay should have brought is not here');
        if (base !== null && !state.sealed.has(base)) {
          state.incoming.set(release, artifact);
          throw problem('mismatch', 'upload', `there is no release ${base} to start from`);
        }
        state.sealed.set(release, artifact);
        state.trees.set(release, shipment.tree);
        const isReady = state.next === base;
        if (isReady) state.next = null;
        return { state: 'unpacked', clone: base === null ? 'none' : isReady ? 'ahead' : 'now', bytes: stored ? 0 : shipment.pack.bytes };
      }),
    store: (shipment, signal) =>
      act('storing of a pack', signal, () => {
        const bytes = state.stored.has(shipment) ? 0 : shipment.pack.bytes;
        state.stored.add(shipment);
        return { bytes };
      }),
    drop: (shipment, signal) => act('removal of a pack', signal, () => void state.stored.delete(shipment)),
    expect: (shipment, signal) => act('upload', signal, () => void state.expected.add(shipment)),
    reach: (to, _identity, signal) => watch('handing over', signal, () => (stateOf(to) === null ? 'nobody is there' : null)),
    hand: (shipment, to, _identity, signal) =>
      act('handing over', signal, () => {
        const other = stateOf(to);
        if (!state.stored.has(shipment)) return 'the pack is no longer here';
        if (other?.expected.has(shipment) !== true) return 'the daemon has not announced this pack here';
        other.stored.add(shipment);
        return null;
      }),
    provide: (_op, { release, files }, signal) =>
      act('upload', signal, () => {
        state.files.set(
          release,
          files.map((file) => file.path),
        );
      }),
    provided: (release, signal) => act('upload', signal, () => state.files.get(release) ?? null),
    seed: (_op, release, _seeds, signal) => act('upload', signal, () => needSealed('upload', release)),
    verify: ({ release, artifact }, signal) =>
      act('verification', signal, () => (state.sealed.get(release) === artifact ? 'intact' : 'damaged')),
    preview: (_op, release, signal) => act('preview', signal, () => needSealed('preview', release)),
    ready: (_op, { release }, signal) => act('preparation', signal, () => needSealed('preparation', release)),
    lock: (_op, token, { timeoutMs }, signal) =>
      act('lock', signal, () => {
        const held = state.lock;
        if (held !== null && isLater(held, token, epoch)) throw problem('conflict', 'lock', `locked by ${held.token}`);
        state.lock = { token, epoch, deadline: Date.now() + timeoutMs, fallback: held === null ? state.current : held.fallback };
      }),
    decide: (_op, token, { release, timeoutMs }, signal) =>
      act('decide', signal, () => {
        const lock = needLock('decide', token);
        needSealed('decide', release);
        Object.assign(lock, { epoch, deadline: Date.now() + timeoutMs, fallback: release });
      }),
    switch: (op, token, release, signal) =>
      act('switch', signal, () => {
        if (token !== null) needLock('switch', token);
        return once(op, () => {
          needSealed('switch', release);
          const previous = state.current;
          state.current = release;
          return { previous };
        });
      }),
    unlock: (_op, token, signal) =>
      act('unlock', signal, () => {
        if (state.lock !== null && isLater(state.lock, token, epoch)) throw problem('conflict', 'unlock', `locked by ${state.lock.token}`);
        state.lock = null;
      }),
    run: (op, _request, signal) => act('command', signal, () => once(op, () => ({ exit: 0, output: '' }))),
    collect: (keep, signal, cloneAhead = false) =>
      act('collect', signal, () => {
        state.next = cloneAhead ? state.current : null;
        for (const release of state.sealed.keys()) {
          if (release !== state.current && !keep.includes(release)) state.sealed.delete(release);
        }
        for (const release of state.files.keys()) if (!state.sealed.has(release)) state.files.delete(release);
        state.incoming.clear();
        state.stored.clear();
        state.expected.clear();
        return [];
      }),
    close: () => {
      isClosed = true;
      return Promise.resolve();
    },
  };
}

/** A lock gives way to a newer daemon, and to a later deployment of the same one: tokens begin with its number. */
const isLater = (held: Lock, token: string, epoch: number): boolean =>
  held.token !== token && (held.epoch > epoch || (held.epoch === epoch && !(Number.parseInt(held.token, 10) < Number.parseInt(token, 10))));

/** What the agent's watchdog does, done when somebody looks. */
function endLockInTime(state: State): void {
  if (state.lock === null || Date.now() < state.lock.deadline) return;
  state.current = state.lock.fallback;
  state.lock = null;
}

/** One timer; `error` makes the rejection of an aborted wait. */
function delay(ms: number, signal: AbortSignal, error: () => DeployError): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(error());
    const stop = (): void => {
      clearTimeout(timer);
      reject(error());
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop);
      resolve();
    }, ms);
    signal.addEventListener('abort', stop, { once: true });
  });
}
