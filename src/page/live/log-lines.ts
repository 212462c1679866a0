// Lines of a deployment's log, and what each is about. Events are written as `TIME ACTION started|finished|failed on SERVER …`.
import type { Action, Direction, StepName } from '../../core/step.ts';
import { STAGES } from '../../core/step.ts';

export type LogLine = {
  readonly text: string;
  /** Milliseconds since 1970; `null`: output of a program. */
  readonly at: number | null;
  readonly event: LogEvent | null;
};

export type LogEvent = {
  readonly verb: 'started' | 'finished' | 'failed';
  readonly action: Action;
  readonly step: StepName;
  readonly direction: Direction;
  /** Index into the deployment's servers; -1: the whole cluster. */
  readonly server: number;
};

const STEP_OF = new Map<string, StepName>(STAGES.map(({ action, step }) => [action, step]));
const EVENT = /^([a-z]+)( \(going back\))? (started|finished|failed)(?: on (.+))?$/s;

/** `indexOf`: a server's index by its name. */
export function parseLine(line: string, indexOf: ReadonlyMap<string, number>): LogLine {
  // `2026-11-22T08:22:35.123Z `
  if (line.charCodeAt(4) !== 45 || line.charAt(23) !== 'Z' || line.charAt(24) !== ' ') return { text: line, at: null, event: null };
  const at = Date.parse(line.slice(0, 24));
  if (Number.isNaN(at)) return { text: line, at: null, event: null };
  const text = line.slice(25);
  return { text, at, event: parseEvent(text, indexOf) };
}

/** Also for the text of an event of the stream, which is the same. */
export function parseEvent(text: string, indexOf: ReadonlyMap<string, number>): LogEvent | null {
  const [, action, back, verb, rest] = EVENT.exec(text.length > 400 ? text.slice(0, 400) : text) ?? afterColon(text);
  const step = action === undefined ? undefined : STEP_OF.get(action);
  if (step === undefined) return null;
  const server = rest === undefined ? -1 : indexAt(rest, indexOf);
  return {
    verb: verb as LogEvent['verb'],
    action: action as Action,
    step,
    direction: back === undefined ? 'forward' : 'back',
    server,
  };
}

/** `upload failed: why`, of the whole cluster. */
const afterColon = (text: string): (string | undefined)[] =>
  /^([a-z]+)( \(going back\))? (started|finished|failed)(?=: | \()/.exec(text) ?? [];

/** The name ends at `: ` or ` (`, or with the line. */
function indexAt(rest: string, indexOf: ReadonlyMap<string, number>): number {
  const whole = indexOf.get(rest);
  if (whole !== undefined) return whole;
  for (const end of [rest.indexOf(': '), rest.indexOf(' (')]) {
    const found = end < 0 ? undefined : indexOf.get(rest.slice(0, end));
    if (found !== undefined) return found;
  }
  return -1;
}
