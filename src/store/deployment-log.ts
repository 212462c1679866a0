// One log file per deployment: build output, events and the output of commands, as people read them.
import { appendFile, mkdir, open, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { StringDecoder } from 'node:string_decoder';
import { setTimeout as sleep } from 'node:timers/promises';

export type FollowOptions = {
  /** Go on after what is there, until the deployment's log has ended. */
  readonly follow: boolean;
  readonly signal: AbortSignal;
  /** Has the deployment ended? (One that ended before this daemon started gets no `end`.) */
  readonly ended: () => boolean;
};

export type DeploymentLogs = {
  /** Adds text, in order, soon. Never throws: a log that cannot be written must not stop a deployment. */
  append(number: number, text: string): void;
  /** The log from its beginning. Ends when everything was read (and, with `follow`, the log has ended) or `signal` aborts. */
  read(number: number, options: FollowOptions): AsyncIterable<string>;
  /** Nothing more will come for this deployment: readers that follow come to their end. */
  end(number: number): void;
  /** Resolves when all that was appended so far is in the files (or could not be written). */
  flush(): Promise<void>;
  /** Removes all logs but those of the deployments with the highest numbers. Returns how many. */
  collect(keepNewest: number): Promise<number>;
};

const CHUNK_BYTES = 64 * 1024;
/** How often a reader that follows looks by itself whether the deployment has ended. */
const LOOK_MS = 1000;
/** What is said within so long is written at once: hundreds of servers have something to say at every step. */
const GATHER_MS = 25;

type Log = {
  queue: string[];
  queuedBytes: number;
  /** Bytes in the file; -1: not yet known. */
  size: number;
  isFull: boolean;
  /** A first half of a surrogate pair whose other half comes with the next text. */
  half: string;
  /** Something could not be written; the next text that can be says so. */
  hasLost: boolean;
  hasEnded: boolean;
  writing: Promise<void> | null;
  readers: Set<() => void>;
};

/** `capBytes` per deployment; then one line says so and the rest is dropped. */
export async function openDeploymentLogs(directory: string, capBytes = 16 * 1024 * 1024): Promise<DeploymentLogs> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const logs = new Map<number, Log>();
  const fileOf = (number: number): string => join(directory, `${number}.log`);

  const logOf = (number: number): Log => {
    let log = logs.get(number);
    if (log === undefined) {
      log = {
        queue: [],
        queuedBytes: 0,
        size: -1,
        isFull: false,
        half: '',
        hasLost: false,
        hasEnded: false,
        writing: null,
        readers: new Set(),
      };
      logs.set(number, log);
    }
    return log;
  };

  /** A log that nobody writes any more costs no memory; readers that still follow hold on to their own reference. */
  const forget = (number: number, log: Log): void => {
    if (log.queue.length === 0 && log.writing === null && logs.get(number) === log) logs.delete(number);
  };

  const write = (number: number, log: Log): void => {
    log.writing ??= drain(fileOf(number), log, capBytes).finally(() => {
      log.writing = null;
      if (log.queue.length > 0) write(number, log);
      else if (log.hasEnded) forget(number, log);
    });
  };

  return {
    append(number, text) {
      const log = logOf(number);
      if (text === '' || log.isFull) return;
      // More than the file may ever hold is waiting already: `drain` will cut there.
      if (log.queuedBytes > capBytes) return;
      log.queue.push(text);
      log.queuedBytes += Buffer.byteLength(text);
      write(number, log);
    },
    end(number) {
      const log = logs.get(number);
      if (log === undefined) return;
      log.hasEnded = true;
      wake(log);
      write(number, log);
    },
    async flush() {
      for (const log of [...logs.values()]) await log.writing;
    },
    async *read(number, { follow, signal, ended }) {
      const decoder = new StringDecoder('utf8');
      const log = follow && !ended() ? logOf(number) : logs.get(number);
      let position = 0;
      for (;;) {
        // Asked before reading: what was written before the end is then surely read.
        const isLast = log === undefined || !follow || log.hasEnded || ended();
        await log?.writing;
        for (;;) {
          if (signal.aborted) return;
          const bytes = await readAt(fileOf(number), position);
          if (bytes.length === 0) break;
          position += bytes.length;
          const text = decoder.write(bytes);
          if (text !== '') yield text;
        }
        if (isLast) break;
        await changed(log, position, signal);
      }
      if (log !== undefined && ended()) forget(number, log);
    },
    async collect(keepNewest) {
      const numbers = (await readdir(directory)).flatMap((name) => /^([1-9]\d*)\.log$/.exec(name)?.[1] ?? []).map(Number);
      const old = numbers.sort((a, b) => b - a).slice(keepNewest);
      for (const number of old) await rm(fileOf(number), { force: true });
      return old.length;
    },
  };
}

/** Writes what is queued, batch after batch. What cannot be written (disk full) is dropped: the journal holds the truth. */
async function drain(path: string, log: Log, capBytes: number): Promise<void> {
  while (log.queue.length > 0 || (log.hasEnded && log.half !== '')) {
    if (!log.hasEnded) await sleep(GATHER_MS);
    if (log.size < 0) {
      log.size = await sizeOf(path);
      log.isFull = log.size >= capBytes;
    }
    let text = (log.hasLost ? '\n… some output is missing here: it could not be written\n' : '') + log.half + log.queue.join('');
    log.queue = [];
    log.queuedBytes = 0;
    log.half = '';
    if (!log.hasEnded && /[\ud800-\udbff]$/.test(text)) {
      log.half = text.slice(-1);
      text = text.slice(0, -1);
    }
    if (log.isFull) continue;
    let bytes = Buffer.from(text);
    if (log.size + bytes.length > capBytes) {
      log.isFull = true;
      bytes = Buffer.concat([wholeCharacters(bytes, capBytes - log.size), Buffer.from(`\n… truncated after ${sizeText(capBytes)}\n`)]);
    }
    try {
      await appendFile(path, bytes, { mode: 0o600 });
      log.size += bytes.length;
      log.hasLost = false;
    } catch {
      log.hasLost = true;
      log.size = -1;
    }
    wake(log);
  }
}

const sizeOf = (path: string): Promise<number> =>
  stat(path).then(
    (found) => found.size,
    () => 0,
  );

/** The first `length` bytes, less those of a character that would be cut. */
function wholeCharacters(bytes: Buffer, length: number): Buffer {
  let end = length;
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return bytes.subarray(0, end);
}

const sizeText = (bytes: number): string => (bytes >= 1024 * 1024 ? `${Math.round(bytes / 1024 / 1024)} MiB` : `${bytes} bytes`);

async function readAt(path: string, position: number): Promise<Buffer> {
  let file;
  try {
    file = await open(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return Buffer.alloc(0);
    throw error;
  }
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(CHUNK_BYTES), 0, CHUNK_BYTES, position);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

function wake(log: Log): void {
  const readers = [...log.readers];
  log.readers.clear();
  for (const reader of readers) reader();
}

/** Waits until more than `position` may be there, the log ended, `signal` aborts, or it is time to look again. */
async function changed(log: Log, position: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted || log.hasEnded || log.queue.length > 0 || log.size > position) return;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      log.readers.delete(done);
      resolve();
    };
    const timer = setTimeout(done, LOOK_MS);
    signal.addEventListener('abort', done);
    log.readers.add(done);
  });
}
