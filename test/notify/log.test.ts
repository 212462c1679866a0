// The daemon's log: one event is exactly one line, nothing hostile passes, and everything is written when it is closed.
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { mkdir, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { createLog } from '../../src/notify/log.ts';

class Paper extends Writable {
  text = '';
  isTTY: boolean;

  constructor(isTTY = false) {
    super();
    this.isTTY = isTTY;
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

const HOSTILE = [
  'one\ntwo',
  'a\r\nb',
  '\x1b[2Jgone',
  'x\u2028y\u2029z',
  '\u0085',
  '\u202eevil',
  '\x9b1m',
  '\ud800',
  '"},{"level":"info',
  '\0',
];
const clean = /^[^\p{Cc}\p{Cs}\p{Bidi_Control}\u2028\u2029]*$/u;

let directory: string;
let file: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'lockstep-log-'));
  file = join(directory, 'daemon.log');
});

afterEach(() => rm(directory, { recursive: true, force: true }));

const linesOf = async (path: string): Promise<string[]> => (await readFile(path, 'utf8')).split('\n').slice(0, -1);

describe('JSON lines', () => {
  test('an event has its time, level, message and fields, and fields cannot take their places', async () => {
    const stderr = new Paper();
    const log = createLog({ file, stderr });
    log.info('listening', { url: 'http://x', message: 'no', level: 'no', time: 'no', stack: 'kept' });
    log.warn('slow', { ms: 12, big: 12n, map: new Map([['a', 1]]), none: undefined });
    log.error('failed', { error: new Error('why', { cause: new TypeError('deeper') }) });
    await log.close();
    const [first, second, third] = (await linesOf(file)).map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(first).toEqual({ url: 'http://x', stack: 'kept', time: expect.any(String), level: 'info', message: 'listening' });
    expect(Date.parse(String(first?.['time']))).toBeGreaterThan(Date.now() - 60_000);
    expect(second).toMatchObject({ level: 'warn', ms: 12, big: '12', map: [['a', 1]] });
    expect(third).toMatchObject({ level: 'error', error: { message: 'why', cause: { name: 'TypeError', message: 'deeper' } } });
    expect(stderr.text).toBe('');
    expect((await stat(file)).mode & 0o777).toBe(0o640);
  });

  test('one event is exactly one line, whatever is in it', async () => {
    const stderr = new Paper();
    const log = createLog({ file: null, stderr });
    const cycle: Record<string, unknown> = {};
    cycle['self'] = cycle;
    for (const bad of HOSTILE) log.info(bad, { [bad]: bad, deep: [{ [bad]: bad }] });
    log.info('cycle', cycle);
    await log.close();
    const lines = stderr.text.split('\n');
    expect(lines).toHaveLength(HOSTILE.length + 2);
    for (const [i, bad] of HOSTILE.entries()) {
      expect(lines[i]).toMatch(clean);
      const event = JSON.parse(lines[i] ?? '') as Record<string, unknown>;
      expect(event).toMatchObject({ level: 'info', message: bad, [bad]: bad });
    }
    expect(lines[HOSTILE.length]).toContain('cannot be written as JSON');
  });

  test('a message of any size is cut', async () => {
    const log = createLog({ file, stderr: new Paper() });
    log.info('x'.repeat(1_000_000), { text: 'y'.repeat(1_000_000) });
    await log.close();
    const [line = ''] = await linesOf(file);
    expect(line.length).toBeLessThan(20_000);
    expect(line).toContain('… (991808 more characters)');
  });

  test('the level leaves out what is less important', async () => {
    const stderr = new Paper();
    const log = createLog({ file: null, stderr, level: 'warn' });
    log.info('no');
    log.warn('yes');
    log.error('yes');
    await log.close();
    expect(stderr.text.split('\n')).toHaveLength(3);
  });
});

describe('for people', () => {
  test('on a terminal a line has the local time, the level, the message and the fields, and stays one line', async () => {
    const stderr = new Paper(true);
    const log = createLog({ file: null, stderr });
    log.info('deployment 42 began', { cluster: 'demo', servers: 3 });
    for (const bad of HOSTILE) log.warn(bad, { [bad]: bad });
    await log.close();
    const lines = stderr.text.split('\n');
    expect(lines[0]).toMatch(/^\d\d:\d\d:\d\d info {2}deployment 42 began {2}cluster=demo {2}servers=3$/);
    expect(lines).toHaveLength(HOSTILE.length + 2);
    for (const line of lines) expect(line).toMatch(clean);
  });

  test('colour is there when it is asked for', async () => {
    const stderr = new Paper(true);
    const log = createLog({ file: null, stderr, colour: true });
    log.error('no');
    await log.close();
    expect(stderr.text).toContain('\x1b[31merror\x1b[0m no');
  });
});

describe('the file', () => {
  test('closing waits until every line is written; what comes later is dropped; a second close is harmless', async () => {
    const log = createLog({ file, stderr: new Paper() });
    for (let i = 0; i < 5000; i++) log.info(`event ${i}`);
    await Promise.all([log.close(), log.close()]);
    log.info('too late');
    await log.close();
    const lines = await linesOf(file);
    expect(lines).toHaveLength(5000);
    expect(lines.map((line) => (JSON.parse(line) as { message: string }).message)).toEqual(
      Array.from({ length: 5000 }, (_, i) => `event ${i}`),
    );
  });

  test('a file is continued by the next daemon', async () => {
    for (const name of ['first', 'second']) {
      const log = createLog({ file, stderr: new Paper() });
      log.info(name);
      await log.close();
    }
    expect(await linesOf(file)).toHaveLength(2);
  });

  test('a full file makes room: five old ones are kept, none is larger than it may be', async () => {
    const log = createLog({ file, stderr: new Paper(), maxBytes: 2000 });
    for (let i = 0; i < 200; i++) {
      log.info(`event ${i}`);
      if (i % 10 === 9) await new Promise((resolve) => setImmediate(resolve));
    }
    await log.close();
    expect((await readdir(directory)).sort()).toEqual(['daemon.log', ...[1, 2, 3, 4, 5].map((i) => `daemon.log.${i}`)]);
    const all: string[] = [];
    for (const name of ['daemon.log.5', 'daemon.log.4', 'daemon.log.3', 'daemon.log.2', 'daemon.log.1', 'daemon.log']) {
      expect((await stat(join(directory, name))).size).toBeLessThanOrEqual(2000);
      all.push(...(await linesOf(join(directory, name))));
    }
    const numbers = all.map((line) => Number(/event (\d+)/.exec(line)?.[1]));
    expect(numbers.at(-1)).toBe(199);
    expect(numbers).toEqual(Array.from({ length: numbers.length }, (_, i) => 200 - numbers.length + i));
  });

  test('a file that cannot be written is told once on standard error, and works again when it can', async () => {
    const stderr = new Paper();
    await mkdir(file);
    const log = createLog({ file, stderr });
    for (let i = 0; i < 10; i++) {
      log.info(`lost ${i}`);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    expect(stderr.text.split('\n')).toHaveLength(2);
    expect(JSON.parse(stderr.text)).toMatchObject({
      level: 'error',
      message: expect.stringMatching(/cannot write the log .*EISDIR.*lines are lost/) as unknown,
    });
    await rm(file, { recursive: true });
    log.info('found');
    await log.close();
    expect((await linesOf(file)).at(-1)).toContain('found');
  });

  test('a reader of standard error that goes away does not end the daemon', async () => {
    const stderr = new Paper();
    const log = createLog({ file: null, stderr });
    stderr.destroy(new Error('write EPIPE'));
    for (let i = 0; i < 100; i++) log.info('nobody hears');
    await log.close();
  });
});
