// The engine: one turn at a time. Decide and evolve → what is next → append everything durably → publish → perform.
import type { Actor } from '../core/actor.ts';
import { apply } from '../core/apply.ts';
import { auditNoteOf } from '../core/audit.ts';
import type { TimedNote } from '../core/audit.ts';
import { decideBegin, nextMoment } from '../core/decide-queue.ts';
import type { Decision, Fresh } from '../core/decide.ts';
import type { Deployment } from '../core/deployment.ts';
import { DeployError, problemOf } from '../core/errors.ts';
import type { Problem } from '../core/errors.ts';
import type { Facts, Recorded } from '../core/event.ts';
import { isInCutover, next, unanswered } from '../core/next.ts';
import type { Effect } from '../core/next.ts';
import type { Batch, Engine, Listener, Masking, Perform, Store } from '../core/ports.ts';
import type { State } from '../core/state.ts';
import { batchOf, placesOf } from './batch.ts';

export type EngineOptions = {
  readonly store: Store;
  readonly state: State;
  readonly perform: Perform;
  /** Takes secrets out of what effects report before it is recorded. */
  readonly mask: Masking['mask'];
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly lastEvent: number;
  /** Called once, after the last event of a deployment is durable and none of its effects runs. */
  readonly release: (deployment: Deployment) => Promise<void>;
  readonly log: (message: string) => void;
  /** The journal is lost to this process; only a new start can read what is on the disk. Must not resolve. */
  readonly fatal: (message: string) => Promise<never>;
};

export type RunningEngine = Engine & {
  /** Performs again what was started and has no result; then goes on. Call once. */
  resume(): void;
  subscribe(listener: Listener): () => void;
  /**
   * Starts nothing new, lets effects in flight finish, and brings a cutover that has begun to its end. Resolves when all is quiet.
   * What is left is resumed by the next start.
   */
  stop(): Promise<void>;
  /** Ends effects in flight as well. */
  abort(): void;
};

type Item = {
  readonly decide: (state: State) => Decision<unknown>;
  /** The answer of an effect: never refused, whatever the store says. */
  readonly isAnswer: boolean;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
};

/** Why an effect was ended by `abort`: nothing is recorded, the next start performs it again. */
const STOPPED = Symbol('stopped');

/** How long to wait before a batch that could not be written is tried again. */
const STORE_RETRY_MS = 1_000;

/** Clocks of machines are set, and timers know nothing of that: a time that is far away is looked at again after this. */
const LONGEST_ALARM_MS = 60_000;

export function createEngine(options: EngineOptions): RunningEngine {
  const { store, state, perform, mask, now, log } = options;
  const listeners = new Set<Listener>();
  const inFlight = new Map<string, AbortController>();
  let queue: Item[] = [];
  let lastNumber = options.lastEvent;
  let durableNumber = options.lastEvent;
  let isTurning = false;
  let isStopping = false;
  let storeProblem: string | null = null;
  let quiet: (() => void)[] = [];
  let revisit: Deployment[] = [];
  let alarm: NodeJS.Timeout | undefined;

  function request<T>(decide: (state: State) => Decision<T>): Promise<T> {
    if (storeProblem !== null) return Promise.reject(new DeployError('store', storeProblem));
    return new Promise<T>((resolve, reject) => {
      enqueue({ decide, isAnswer: false, resolve: (result) => resolve(result as T), reject });
    });
  }

  function enqueue(item: Item): void {
    queue.push(item);
    schedule();
  }

  /** Waits for the end of the present round of I/O, so that answers that arrive together share one commit. */
  function schedule(): void {
    if (isTurning) return;
    isTurning = true;
    setImmediate(() => void turn());
  }

  async function turn(): Promise<void> {
    const items = queue;
    queue = [];
    const recorded: Recorded[] = [];
    const touched = new Set<Deployment>(revisit);
    revisit = [];
    const audit: TimedNote[] = [];
    const record = (fresh: Fresh, actor: Actor | null = null): void => {
      const one = { number: lastNumber + 1, at: now(), ...fresh } as Recorded;
      const deployment = apply(state, one);
      lastNumber += 1;
      recorded.push(one);
      if (deployment !== null) touched.add(deployment);
      const note = auditNoteOf(one, deployment, actor);
      if (note !== null) audit.push(note);
    };

    const before = placesOf(state);
    const rows: Partial<Batch>[] = [];
    const answers = items.map((item) => decideOne(item, record, rows, audit));
    if (!isStopping) for (const fresh of decideBegin(state, now())) record(fresh);
    const effects: Effect[] = [];
    for (const deployment of touched) {
      if (isStopping && !isInCutover(deployment)) continue;
      for (const effect of next(deployment)) {
        record({ deployment: deployment.number, event: { type: 'started', stage: effect.stage, server: effect.server } });
        effects.push(effect);
      }
    }

    const isWorthIt = recorded.length > 0 || rows.length > 0 || audit.length > 0;
    if (isWorthIt) await append(batchOf(state, recorded, touched, before, rows, audit), items);
    durableNumber = lastNumber;
    for (const answer of answers) answer();
    publish(recorded, touched);
    for (const effect of effects) begin(effect);
    for (const deployment of touched) {
      interrupt(deployment);
      if (deployment.state === 'ended') release(deployment);
    }

    isTurning = false;
    setAlarm();
    if (queue.length > 0) schedule();
    else settleIfQuiet();
  }

  /** A deployment that waits for a time is looked at again then, though nothing else happens. */
  function setAlarm(): void {
    clearTimeout(alarm);
    const at = isStopping ? null : nextMoment(state, now());
    if (at === null) return;
    alarm = setTimeout(schedule, Math.min(at - now() + 1, LONGEST_ALARM_MS));
    alarm.unref();
  }

  function decideOne(
    item: Item,
    record: (fresh: Fresh, actor: Actor | null) => void,
    rows: Partial<Batch>[],
    audit: TimedNote[],
  ): () => void {
    try {
      const { events, result, rows: own, actor = null, notes = [] } = item.decide(state);
      for (const fresh of events) record(fresh, actor);
      if (own !== undefined) rows.push(own);
      audit.push(...notes.map((note) => ({ ...note, at: now() })));
      return () => item.resolve(result);
    } catch (error) {
      return () => item.reject(error);
    }
  }

  /** Resolves when the batch is durable, however long the disk stays full; until then nothing is started and nothing accepted. */
  async function append(batch: Batch, items: readonly Item[]): Promise<void> {
    for (;;) {
      try {
        await store.append(batch);
        if (storeProblem !== null) log('the journal can be written again; going on');
        storeProblem = null;
        return;
      } catch (error) {
        const { code, message } = problemOf(error);
        if (storeProblem === null) refuseAll(message, items);
        storeProblem = message;
        if (code !== 'store') await options.fatal(message);
        await new Promise((resolve) => setTimeout(resolve, STORE_RETRY_MS));
      }
    }
  }

  function refuseAll(message: string, items: readonly Item[]): void {
    log(`the journal cannot be written: ${message}`);
    const late = new DeployError('store', `${message} What you asked for is recorded as soon as that is possible; see: lockstep status`);
    for (const item of items) item.reject(late);
    for (const item of queue) if (!item.isAnswer) item.reject(new DeployError('store', message));
    queue = queue.filter((item) => item.isAnswer);
  }

  function publish(recorded: readonly Recorded[], touched: ReadonlySet<Deployment>): void {
    if (recorded.length === 0) return;
    const byNumber = new Map([...touched].map((deployment) => [deployment.number, deployment]));
    const published = recorded.map((one) => ({
      recorded: one,
      deployment: one.deployment === null ? null : (byNumber.get(one.deployment) ?? null),
    }));
    for (const listener of listeners) listener(published);
  }

  function begin(effect: Effect): void {
    const deployment = state.deployments.get(effect.deployment);
    if (deployment === undefined) return;
    const key = keyOf(effect);
    const controller = new AbortController();
    inFlight.set(key, controller);
    const { stage, server } = effect;
    void perform(effect, deployment, controller.signal)
      .then(
        (facts): Fresh => ({ deployment: effect.deployment, event: { type: 'finished', stage, server, facts: maskedFacts(facts) } }),
        (error: unknown): Fresh => {
          const problem = masked(problemOf(error));
          if (problem.code === 'bug') log(mask(error instanceof Error ? (error.stack ?? error.message) : String(error)));
          return { deployment: effect.deployment, event: { type: 'failed', stage, server, problem } };
        },
      )
      .then((fresh) => {
        inFlight.delete(key);
        if (controller.signal.reason === STOPPED) settleIfQuiet();
        else answer(fresh);
      });
  }

  function masked({ code, message, detail }: Problem): Problem {
    return { code, message: mask(message), detail: detail === null ? null : mask(detail) };
  }

  function maskedFacts(facts: Facts): Facts {
    return facts.warning === undefined ? facts : { ...facts, warning: mask(facts.warning) };
  }

  function answer(fresh: Fresh): void {
    const reject = (error: unknown): void => log(`refused: ${String(error)}`);
    enqueue({ decide: () => ({ events: [fresh], result: null }), isAnswer: true, resolve: () => undefined, reject });
  }

  /** An abort, or leaving a server out, ends what has not reached users yet; a verb of the cutover is left to finish. */
  function interrupt(deployment: Deployment): void {
    const stage = deployment.course[deployment.at];
    const hasSkipped = deployment.members.some((member) => member.excluded === 'skipped');
    if (stage === undefined || !['build', 'schedule', 'upload', 'exercise'].includes(stage.action)) return;
    for (const effect of deployment.abortedBy !== null || hasSkipped ? unanswered(deployment) : []) {
      const isSkipped = effect.server !== null && deployment.members[effect.server]?.excluded === 'skipped';
      if (deployment.abortedBy !== null || isSkipped) inFlight.get(keyOf(effect))?.abort(new DeployError('aborted', 'aborted'));
    }
  }

  function release(deployment: Deployment): void {
    const key = `release ${deployment.number}`;
    inFlight.set(key, new AbortController());
    void options
      .release(deployment)
      .catch((error: unknown) => log(`after deployment ${deployment.number}: ${problemOf(error).message}`))
      .then(() => {
        inFlight.delete(key);
        settleIfQuiet();
      });
  }

  function settleIfQuiet(): void {
    if (inFlight.size > 0 || isTurning || queue.length > 0) return;
    for (const resolve of quiet) resolve();
    quiet = [];
  }

  return {
    state,
    request,
    storeProblem: () => storeProblem,
    lastEvent: () => durableNumber,
    resume() {
      for (const deployment of state.deployments.values()) for (const effect of unanswered(deployment)) begin(effect);
      revisit = [...state.deployments.values()];
      schedule();
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    stop() {
      isStopping = true;
      clearTimeout(alarm);
      return new Promise((resolve) => {
        quiet.push(resolve);
        settleIfQuiet();
      });
    },
    abort() {
      for (const controller of inFlight.values()) controller.abort(STOPPED);
    },
  };
}

const keyOf = (effect: Effect): string => `${effect.deployment} ${effect.stage} ${String(effect.server)}`;
