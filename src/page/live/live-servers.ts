// The servers of one deployment as bytes: five thousand of them move here without anything being drawn again but a canvas.
import { signal } from '@preact/signals';
import type { Signal } from '@preact/signals';
import type { Cell, TimesView } from '../../core/insight.ts';
import { stateIn } from '../../core/server-state.ts';
import type { ServerState } from '../../core/server.ts';
import type { Direction, StepName } from '../../core/step.ts';
import type { DeploymentServerView, DeploymentView } from '../../core/views.ts';
import type { CourseStage } from './cell-stream.ts';
import { createTimings } from './timings.ts';
import type { Timings } from './timings.ts';
import { watch } from './watch.ts';
import { SERVER_STATES } from './words.ts';

export type LiveServers = {
  readonly names: readonly string[];
  readonly indexOf: ReadonlyMap<string, number>;
  /** Indexes into SERVER_STATES. */
  readonly states: Uint8Array;
  readonly timings: Timings;
  /** Rises at most once for each picture that the browser draws, when something has changed. */
  readonly version: Signal<number>;
  /** How many have finished the stage of this step that was begun last. */
  doneIn(step: StepName, direction: Direction): number;
  /** `true`: it is another than before. */
  setCourse(course: readonly CourseStage[]): boolean;
  /** `true`: the deployment itself has to be asked for again, for a stage has begun or something went wrong. */
  take(cells: readonly Cell[]): boolean;
  /** What the daemon says of some servers, or of all: it knows better. */
  correct(servers: readonly DeploymentServerView[]): void;
};

/** The states; whoever asks for them while drawing is drawn again when they change. */
export function watchStates(servers: LiveServers): Uint8Array {
  watch(servers.version);
  return servers.states;
}

/** The times; whoever asks for them while drawing is drawn again when they change. */
export function watchTimings(servers: LiveServers): Timings {
  watch(servers.version);
  return servers.timings;
}

const CODES = new Map(SERVER_STATES.map((state, i) => [state, i]));
const codeOf = (state: ServerState): number => CODES.get(state) ?? 0;
const [BEGAN, FAILED] = [1, 3];

export function createServers(times: TimesView, view: DeploymentView): LiveServers {
  const { servers: names, requestedAt } = times;
  const indexOf = new Map(names.map((name, i) => [name, i]));
  const states = new Uint8Array(names.length);
  const timings = createTimings(names.length);
  const version = signal(0);
  let course: readonly CourseStage[] = times.stages;
  let done = times.stages.map((stage) => stage.done);
  /** The stage that was begun last. */
  let at = times.stages.findLastIndex((stage) => stage.startedMs >= 0);

  let frame = 0;
  const showSoon = (): void => {
    if (frame !== 0) return;
    frame = requestAnimationFrame(() => {
      frame = 0;
      version.value += 1;
    });
  };

  const note = (stage: CourseStage, server: number, status: 1 | 2 | 3, ms: number): void => {
    const verb = status === BEGAN ? 'started' : status === FAILED ? 'failed' : 'finished';
    timings.note({ ...stage, verb, server }, requestedAt + ms);
    const state = status === FAILED ? 'failed' : stateIn(stage.action, stage.direction, status === BEGAN ? 'running' : 'done');
    if (state !== null) states[server] = codeOf(state);
  };

  if (view.state !== 'waiting' && times.stages[0]?.action !== 'build') states.fill(codeOf('scheduled'));
  for (const stage of times.stages) {
    if (stage.scope !== 'server') {
      if (stage.action === 'build' && stage.finishedMs >= 0) states.fill(codeOf('scheduled'));
      continue;
    }
    const failures = new Set(stage.failures);
    stage.began.forEach((began, server) => {
      if (began < 0) return;
      const from = stage.startedMs + began;
      note(stage, server, BEGAN as 1, from);
      const took = stage.took[server] ?? -1;
      if (failures.has(server)) note(stage, server, FAILED as 3, from + Math.max(0, took));
      else if (took >= 0) note(stage, server, 2, from + took);
    });
  }

  const servers: LiveServers = {
    names,
    indexOf,
    states,
    timings,
    version,
    doneIn(step, direction) {
      const index = course.findLastIndex((stage, i) => i <= at && stage.step === step && stage.direction === direction);
      return done[index] ?? 0;
    },
    setCourse(next) {
      if (next.length === course.length) return false;
      course = next;
      done = next.map((_, i) => done[i] ?? 0);
      return true;
    },
    take(cells) {
      let isTurn = false;
      for (const [server, index, status, ms] of cells) {
        const stage = course[index];
        if (stage === undefined) continue;
        if (index > at) {
          at = index;
          isTurn = true;
        }
        if (status === FAILED || server < 0) isTurn = true;
        if (status !== BEGAN) done[index] = (done[index] ?? 0) + 1;
        if (server >= 0 && server < names.length) note(stage, server, status, ms);
      }
      showSoon();
      return isTurn;
    },
    correct(views) {
      for (const { name, state } of views) {
        const index = indexOf.get(name);
        if (index !== undefined) states[index] = codeOf(state);
      }
      showSoon();
    },
  };
  servers.correct(view.servers);
  return servers;
}
