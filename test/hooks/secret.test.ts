// Promise I11, at the repository's side: the secret is seen by the shell only.
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { installHooks } from '../../src/forge/install.ts';
import { SECRET } from '../http/memory-application.ts';
import { makeGit, openBench, run, startReceiver } from './lab.ts';

let bench: Awaited<ReturnType<typeof openBench>>;
let receiver: Awaited<ReturnType<typeof startReceiver>>;
let state: string;
beforeEach(async () => {
  bench = await openBench();
  receiver = await startReceiver({ shop: SECRET });
  const { bare } = await makeGit(bench.directory);
  ({ state } = await installHooks({ path: bare, repository: 'shop', url: receiver.url, secret: SECRET }));
});
afterEach(async () => {
  await receiver.close();
  await bench.close();
});

const KEY = Buffer.from(SECRET.slice(6), 'base64');
const padded = (pad: number): Buffer => Buffer.from([...KEY].map((byte) => byte ^ pad));
/** The key in every form in which it is handled, in pieces long enough not to be met by chance. */
const FORMS = [KEY, padded(0x36), padded(0x5c)].flatMap((bytes) => [
  bytes.toString('base64').slice(0, 12),
  bytes.toString('hex').slice(0, 16),
  [...bytes.subarray(0, 6)].join(' '),
  [...bytes.subarray(0, 6)].map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join(''),
]);
const LINE = `${'0'.repeat(40)} ${'a'.repeat(40)} refs/heads/x\n`;

test('no program that the sender starts has the secret in its arguments or environment', async () => {
  const trace = join(bench.directory, 'trace');
  const { code, stderr } = await run(
    'strace',
    ['-f', '-v', '-qq', '-s', '100000', '-e', 'trace=execve', '-o', trace, 'sh', join(state, 'notify'), 'git'],
    {
      input: LINE,
    },
  );
  if (/Operation not permitted|not found/.test(stderr)) return;
  expect(code).toBe(0);
  expect(receiver.received).toHaveLength(1);
  const started = await readFile(trace, 'utf8');
  expect(started.match(/execve\(/g)?.length).toBeGreaterThan(5);
  // strace writes a backslash as two.
  for (const form of FORMS) expect(started.replaceAll('\\\\', '\\')).not.toContain(form);
});

test('nobody who watches /proc sees the secret', async () => {
  let finished = false;
  let looks = 0;
  const found: string[] = [];
  const watching = (async () => {
    while (!finished) {
      for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)) {
        for (const file of ['cmdline', 'environ']) {
          try {
            const text = readFileSync(`/proc/${pid}/${file}`, 'latin1');
            looks += 1;
            if (FORMS.some((form) => text.includes(form))) found.push(text);
          } catch {
            // It has ended.
          }
        }
      }
      await new Promise(setImmediate);
    }
  })();
  for (let i = 0; i < 10; i++) await run('sh', [join(state, 'notify'), 'git'], { input: LINE });
  finished = true;
  await watching;
  expect(found).toEqual([]);
  expect(looks).toBeGreaterThan(100);
  expect(receiver.received).toHaveLength(10);
});
