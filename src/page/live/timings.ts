// How long each server took for each step, as the log tells: what the board says of the median, the slowest, and who holds everybody up.
import type { Direction, StepName } from '../../core/step.ts';
import type { LogEvent } from './log-lines.ts';

type Times = { readonly began: Float64Array; readonly ended: Float64Array };

export type StepTimes = {
  /** Milliseconds; `null`: no server has finished. */
  readonly median: number | null;
  readonly slowest: { readonly server: number; readonly ms: number } | null;
  /** Servers at work now, the one that began first leads. `since`: milliseconds since 1970. */
  readonly atWork: readonly { readonly server: number; readonly since: number }[];
};

export type Timings = {
  note(event: LogEvent, at: number): void;
  of(step: StepName, direction: Direction): StepTimes;
  /** Milliseconds that one server took; `null`: it has not finished. */
  one(step: StepName, direction: Direction, server: number): number | null;
};

const MOST_AT_WORK = 50;

export function createTimings(servers: number): Timings {
  const steps = new Map<string, Times>();
  const known = new Map<string, { readonly times: StepTimes; readonly at: number; isOld: boolean }>();
  // Thousands of times are not put in order with every line that comes.
  const pauseMs = servers > 500 ? 1_000 : 0;
  const keyOf = (step: StepName, direction: Direction): string => `${direction} ${step}`;

  return {
    note({ verb, step, direction, server }, at) {
      if (server < 0 || server >= servers) return;
      const key = keyOf(step, direction);
      const old = known.get(key);
      if (old !== undefined) old.isOld = true;
      let times = steps.get(key);
      if (times === undefined) {
        times = { began: new Float64Array(servers), ended: new Float64Array(servers) };
        steps.set(key, times);
      }
      // A step of several actions begins with the first and ends with the last.
      if (verb === 'started') {
        if (times.began[server] === 0) times.began[server] = at;
        times.ended[server] = 0;
      } else {
        times.ended[server] = at;
      }
    },
    of(step, direction) {
      const key = keyOf(step, direction);
      const ready = known.get(key);
      if (ready !== undefined && (!ready.isOld || performance.now() - ready.at < pauseMs)) return ready.times;
      const times = steps.get(key);
      const computed: StepTimes = times === undefined ? { median: null, slowest: null, atWork: [] } : summary(times);
      known.set(key, { times: computed, at: performance.now(), isOld: false });
      return computed;
    },
    one(step, direction, server) {
      const times = steps.get(keyOf(step, direction));
      const [began = 0, ended = 0] = [times?.began[server], times?.ended[server]];
      return began === 0 || ended === 0 ? null : ended - began;
    },
  };
}

function summary({ began, ended }: Times): StepTimes {
  const took: number[] = [];
  const atWork: { server: number; since: number }[] = [];
  let slowest: StepTimes['slowest'] = null;
  for (let server = 0; server < began.length; server++) {
    const [from = 0, to = 0] = [began[server], ended[server]];
    if (from === 0) continue;
    if (to === 0) {
      atWork.push({ server, since: from });
      continue;
    }
    const ms = to - from;
    took.push(ms);
    if (slowest === null || ms > slowest.ms) slowest = { server, ms };
  }
  took.sort((a, b) => a - b);
  atWork.sort((a, b) => a.since - b.since);
  return { median: took[took.length >> 1] ?? null, slowest, atWork: atWork.slice(0, MOST_AT_WORK) };
}
