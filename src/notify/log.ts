// The daemon's log: one event, one line. Lines may be lost when the process dies; what must not be lost is in the journal.
import type { Writable } from 'node:stream';
import { createLogger, format, transports } from 'winston';
import { visibleJson, visibleLine } from '../core/escape.ts';
import { createRollingFile } from './rolling-file.ts';

export type LogLevel = 'info' | 'warn' | 'error';

export type LogFields = Readonly<Record<string, unknown>>;

export type Log = {
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** Resolves when everything has been written, or after 5 s. What is logged afterwards is dropped. Idempotent. */
  close(): Promise<void>;
};

export type LogOptions = {
  /** Absolute path of a file for JSON lines (its directory exists); `null`: `stderr`. */
  readonly file: string | null;
  /** Gets JSON lines, or lines for people when it is a terminal; with `file`, only what concerns the log itself. */
  readonly stderr: Writable & { readonly isTTY?: boolean | undefined };
  /** The least important events that are kept; `info` if left out. */
  readonly level?: LogLevel;
  /** Colours on a terminal; see https://no-color.org. */
  readonly colour?: boolean;
  /** For the file; 20 MB if left out. */
  readonly maxBytes?: number;
};

const MAX_BYTES = 20_000_000;
const KEEP = 5;
/** Text of an event beyond this is cut: a log is for reading. */
const MOST_CHARACTERS = 8192;
/** When the disk or the reader is slower than the events, so much waits in memory; what comes then is counted and dropped. */
const MOST_WAITING = 8_000_000;
const CLOSE_MS = 5000;

type Entry = { readonly level: string; readonly message: unknown; readonly time?: unknown; readonly fields?: unknown };

/** Opens the log. Never throws for a file that cannot be written: that is told on `stderr`. */
export function createLog({ file, stderr, level = 'info', colour = false, maxBytes = MAX_BYTES }: LogOptions): Log {
  const isForPeople = file === null && stderr.isTTY === true;
  const onError = (error: Error): void => {
    stderr.write(`${jsonLine({ level: 'error', message: `cannot write the log ${String(file)}: ${error.message}; lines are lost` })}\n`);
  };
  const target = file === null ? stderr : createRollingFile(file, { maxBytes, keep: KEEP, onError });
  // A reader that goes away (a closed terminal, a dead pipe) must not end the daemon.
  if (file === null) target.on('error', () => undefined);
  const transport = new transports.Stream({ stream: target, eol: '\n' });
  const logger = createLogger({
    level,
    format: format.printf((info) => (isForPeople ? personLine(info, colour) : jsonLine(info))),
  });
  // eslint-disable-next-line @typescript-eslint/no-unsafe-class-instance-assignment -- winston declares its transports as plain types
  logger.add(transport);
  logger.on('error', () => undefined);
  let dropped = 0;
  let closing: Promise<void> | null = null;

  const write =
    (wanted: LogLevel) =>
    (message: string, fields: LogFields = {}): void => {
      if (closing !== null) return;
      if (target.writableLength > MOST_WAITING) {
        dropped += 1;
        return;
      }
      if (dropped > 0) {
        const lost = dropped;
        dropped = 0;
        log('warn', `${lost} events were not logged: they came faster than they could be written`, {});
      }
      log(wanted, message, fields);
    };

  // Fields go in a drawer of their own: winston would mix a field named `message` or `level` with the event's.
  function log(wanted: LogLevel, message: string, fields: LogFields): void {
    logger.log({ level: wanted, message, time: new Date().toISOString(), fields });
  }

  async function finish(): Promise<void> {
    await new Promise<void>((resolve) => {
      transport.once('finish', resolve);
      logger.end();
    });
    // Standard error is not ours to end.
    await new Promise<void>((resolve) => {
      if (target === stderr) target.write('', () => resolve());
      else target.end(resolve);
    });
  }

  return {
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    close() {
      closing ??= within(finish(), CLOSE_MS);
      return closing;
    },
  };
}

/** `{"time":…,"level":…,"message":…,…fields}`; also U+2028, C1 and direction controls are escaped, which JSON itself would let pass. */
function jsonLine({ level, message, time = new Date().toISOString(), fields }: Entry): string {
  const plain = { time, level, message: cut(String(message)) };
  try {
    return visibleJson(JSON.parse(JSON.stringify({ ...plain, ...(fields as LogFields | undefined), ...plain }, replacer)), 0);
  } catch (error) {
    return visibleJson({ ...plain, fields: `cannot be written as JSON: ${error instanceof Error ? error.message : String(error)}` }, 0);
  }
}

/** `12:03:04 warn  message  key=value`; the time is the machine's local time. */
function personLine({ level, message, time, fields }: Entry, colour: boolean): string {
  const clock = new Date(String(time)).toTimeString().slice(0, 8);
  const word = level.padEnd(5);
  const painted = !colour ? word : `\x1b[${level === 'error' ? 31 : level === 'warn' ? 33 : 2}m${word}\x1b[0m`;
  const more = Object.entries((fields ?? {}) as LogFields).map(([key, value]) => `  ${visibleLine(key)}=${visibleLine(fieldText(value))}`);
  return `${clock} ${painted} ${visibleLine(cut(String(message)))}${more.join('')}`;
}

function fieldText(value: unknown): string {
  if (typeof value === 'string') return cut(value);
  if (value instanceof Error) return cut(value.stack ?? value.message);
  try {
    return cut(JSON.stringify(value, replacer));
  } catch {
    // A cycle, or nothing that JSON could say.
    return String(value);
  }
}

/** What JSON cannot say: errors, big numbers, maps and sets. */
function replacer(_key: string, value: unknown): unknown {
  if (typeof value === 'string') return cut(value);
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof Error) {
    const { name, message, stack, cause } = value;
    return { name, message, code: (value as NodeJS.ErrnoException).code, stack, ...(cause === undefined ? {} : { cause }) };
  }
  if (value instanceof Map || value instanceof Set) return [...(value as Iterable<unknown>)];
  return value;
}

function cut(text: string): string {
  return text.length <= MOST_CHARACTERS ? text : `${text.slice(0, MOST_CHARACTERS)}… (${text.length - MOST_CHARACTERS} more characters)`;
}

async function within(work: Promise<void>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([work, late]);
  clearTimeout(timer);
}
