// The log of a deployment: printed as it is, followed to its end, taken up where it broke.
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { createServer } from 'node:http';
import type { Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { until } from '../lab/until.ts';
import { deploymentView, endedView, run } from './stand-in.ts';
import type { Paper } from './stand-in.ts';
import { screenOf } from './terminal.ts';

/** A log that grows, and answers that the test can cut. */
let server: Server;
let url: string;
let log: string;
let hasEnded: boolean;
let open: Set<ServerResponse>;

beforeEach(async () => {
  log = '';
  hasEnded = false;
  open = new Set();
  server = createServer((request, response) => {
    if (request.url === '/api/v1/deployments/42') response.end(JSON.stringify(hasEnded ? endedView() : deploymentView()));
    else if (request.url === '/api/v1/events') response.writeHead(200).write(': hello\n\n');
    else if (request.url?.startsWith('/api/v1/deployments/42/log')) {
      response.writeHead(200, { 'content-type': 'text/plain' }).write(log);
      if (hasEnded || !request.url.endsWith('?follow=1')) response.end();
      else open.add(response);
      response.on('close', () => open.delete(response));
    } else response.writeHead(404).end(JSON.stringify({ error: { code: 'not-found', message: 'There is no such deployment.' } }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

function grow(text: string): void {
  log += text;
  for (const response of open) response.write(text);
}

test('the log is printed with colours and carriage returns of build tools taken out, and ends with a newline', async () => {
  log = 'one\r\n\x1b[32mtwo\x1b[0m\r 50 %\r100 %\nthree\x07\ta';
  expect(await run(['logs', '42'], { url })).toEqual({ exit: 0, stdout: 'one\ntwo\n 50 %\n100 %\nthree\\x07\ta\n', stderr: '' });
  const json = await run(['logs', '42', '--json'], { url });
  expect(JSON.parse(json.stdout)).toEqual({ deployment: 42, log: 'one\ntwo\n 50 %\n100 %\nthree\\x07\ta\n', cut: false });
});

test('a large log arrives whole', async () => {
  log = Array.from({ length: 60_000 }, (_, i) => `line ${i} → ok\n`).join('');
  expect((await run(['logs', '42'], { url })).stdout).toBe(log);
});

test('logs -f goes on until the deployment has ended, across broken connections, without a gap or a repetition', async () => {
  let stdout: Paper | undefined;
  const done = run(['logs', '42', '-f'], { url, watch: (paper) => (stdout = paper) });
  await until(() => open.size > 0);
  const lines = Array.from({ length: 30 }, (_, i) => `→ line ${i}\n`);
  for (const [i, line] of lines.entries()) {
    await until(() => open.size > 0, { what: 'a connection' });
    // Half a line (and half of an arrow), then the rest: only whole lines are shown.
    log += line;
    const bytes = Buffer.from(line);
    for (const response of open) response.write(bytes.subarray(0, 2));
    for (const response of open) response.write(bytes.subarray(2));
    if (i % 10 !== 9) continue;
    await until(() => stdout?.text.endsWith(line), { what: `line ${i}` });
    for (const response of open) response.destroy();
    await until(() => open.size === 0);
  }
  await until(() => open.size > 0, { what: 'a connection' });
  hasEnded = true;
  for (const response of open) response.end();
  expect(await done).toEqual({ exit: 0, stdout: lines.join(''), stderr: '' });
});

test('a daemon that stops ends its answer; following waits for it to come back', async () => {
  const done = run(['logs', '42', '-f'], { url });
  await until(() => open.size > 0);
  grow('first\n');
  for (const response of open) response.end();
  await until(() => open.size === 0);
  await until(() => open.size > 0, { what: 'the second connection' });
  log += 'second\n';
  hasEnded = true;
  for (const response of open) response.end('second\n');
  expect((await done).stdout).toBe('first\nsecond\n');
});

test('on a terminal the log runs above the live block', async () => {
  let stdout: Paper | undefined;
  const done = run(['logs', '42', '-f'], { url, tty: true, env: { NO_COLOR: '1' }, watch: (paper) => (stdout = paper) });
  await until(() => open.size > 0);
  await until(() => stdout?.text.includes('▸ upload'), { what: 'the block' });
  grow('npm ci\nadded 12 packages\n');
  await until(() => stdout?.text.includes('added 12'), { what: 'the log' });
  const { lines } = screenOf(stdout?.text ?? '');
  expect(lines.slice(0, 3)).toEqual([
    'npm ci',
    'added 12 packages',
    'deployment 42 production ← servers/production 1a2b3c4 “Fix the cart” by Ann Lee',
  ]);
  hasEnded = true;
  for (const response of open) response.end();
  server.closeAllConnections();
  const { exit } = await done;
  expect(exit).toBe(0);
  const end = screenOf(stdout?.text ?? '');
  expect(end.cursor).toBe(true);
  expect(end.lines.filter((line) => line !== '').at(-1)).toMatch(/^deployment 42 done/);
});

test('an unknown deployment is exit 1', async () => {
  expect(await run(['logs', '7', '-f'], { url })).toEqual({ exit: 1, stdout: '', stderr: 'lockstep: There is no such deployment.\n' });
});
