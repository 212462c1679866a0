// What goes wrong, and how it is told: exit codes and messages that an operator can act on.
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from '../../src/cli/client.ts';
import { overviewView, run, startStandIn } from './stand-in.ts';
import type { StandIn } from './stand-in.ts';

let daemon: StandIn;

beforeEach(async () => {
  daemon = await startStandIn();
});

afterEach(() => daemon.stop());

describe('no daemon', () => {
  test('a refused connection is exit 3 and says how to start one', async () => {
    const { url } = daemon;
    await daemon.stop();
    const message = `No daemon answers at ${url}. Start one: lockstep daemon. Another address: --url or LOCKSTEP_URL`;
    for (const argv of [
      ['status'],
      ['deploy', 'production', '--wait'],
      ['wait', '42'],
      ['logs', '42', '-f'],
      ['lock', 'a', '--reason', 'b'],
    ]) {
      expect(await run(argv, { url })).toEqual({ exit: 3, stdout: '', stderr: `lockstep: ${message}\n` });
    }
    const json = await run(['status', '--json'], { url });
    expect({ ...json, stdout: JSON.parse(json.stdout) as unknown }).toEqual({
      exit: 3,
      stdout: { error: { code: 'unreachable', message, detail: null } },
      stderr: '',
    });
    daemon = await startStandIn();
  });

  test('a name that cannot be resolved is exit 3', async () => {
    const { exit, stderr } = await run(['status'], { url: 'http://lockstep.invalid:8484' });
    expect(exit).toBe(3);
    expect(stderr).toMatch(/No daemon answers at http:\/\/lockstep\.invalid:8484: its name cannot be resolved/);
  });

  test('a connection that breaks during a request that changes something says that it may have been taken', async () => {
    const server = createServer((socket) => socket.once('data', () => socket.destroy()));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const { exit, stderr } = await run(['abort', '42'], { url });
    expect(exit).toBe(3);
    expect(stderr).toMatch(/The connection to http.* broke during POST .*may have been taken all the same; look: lockstep status/);
    await new Promise((resolve) => server.close(resolve));
  });

  test('a daemon that does not answer in time is exit 3', async () => {
    const sockets: Socket[] = [];
    const server = createServer((socket) => sockets.push(socket));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const client = createClient(url, () => Promise.resolve({ token: null, source: '' }), new AbortController().signal);
    await expect(client.request('GET', '/api/v1/clusters', { limitMs: 100 })).rejects.toMatchObject({
      exit: 3,
      message: expect.stringContaining('did not answer GET /api/v1/clusters in time') as unknown,
    });
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
});

describe('errors of the daemon', () => {
  test('its own words are told, with exit 1', async () => {
    daemon.answers.set('POST /api/v1/clusters/production/deploy', {
      status: 409,
      json: { error: { code: 'conflict', message: 'production is locked by ann: moving. Unlock it: lockstep unlock production' } },
    });
    const argv = ['deploy', 'production'];
    expect(await run(argv, { url: daemon.url })).toEqual({
      exit: 1,
      stdout: '',
      stderr: 'lockstep: production is locked by ann: moving. Unlock it: lockstep unlock production\n',
    });
    const json = await run([...argv, '--json'], { url: daemon.url });
    expect(json.exit).toBe(1);
    expect(JSON.parse(json.stdout)).toMatchObject({ error: { code: 'conflict' } });
  });

  test('a refused token names where the token came from', async () => {
    daemon.answers.set('GET /api/v1/clusters', { status: 401, json: { error: { code: 'unauthorized', message: 'no' } } });
    const data = await mkdtemp(join(tmpdir(), 'lockstep-cli-'));
    try {
      const status = async (env: Record<string, string>) => (await run(['status', '--data', data], { url: daemon.url, env })).stderr;
      expect(await status({})).toContain('refuses the request: the token of LOCKSTEP_TOKEN was sent.');
      expect(await status({ LOCKSTEP_TOKEN: '' })).toContain(`no token was sent, because there is none at ${data}/token`);
      await writeFile(join(data, 'token'), 'wrong\n');
      expect(await status({ LOCKSTEP_TOKEN: '' })).toContain(`the token of ${data}/token was sent. Point --data or LOCKSTEP_DATA`);
      await writeFile(join(data, 'token'), 'two words\n');
      expect(await status({ LOCKSTEP_TOKEN: '' })).toContain(`${data}/token does not hold a token`);
    } finally {
      await rm(data, { recursive: true });
    }
  });

  test('no message contains the token', async () => {
    for (const status of [400, 401, 403, 500, 502]) {
      daemon.answers.set('GET /api/v1/clusters', { status, text: 'what?' });
      const { stdout, stderr } = await run(['status'], { url: daemon.url });
      expect(stdout + stderr).not.toContain('sesame');
    }
  });

  test('something that is not Lockstep is recognised, and a proxy without a daemon is exit 3', async () => {
    daemon.answers.set('GET /api/v1/clusters', { text: '<html>Welcome to nginx</html>' });
    const page = await run(['status'], { url: daemon.url });
    expect(page.exit).toBe(1);
    expect(page.stderr).toContain('Is it really a Lockstep daemon that listens there?');
    daemon.answers.set('GET /api/v1/clusters', { status: 502, text: '<html>Bad gateway</html>' });
    const proxy = await run(['status'], { url: daemon.url });
    expect(proxy.exit).toBe(3);
    daemon.answers.set('GET /api/v1/clusters', { status: 301, text: '' });
    expect((await run(['status'], { url: daemon.url })).exit).toBe(1);
  });
});

describe('usage', () => {
  test.each([
    [['bogus'], /unknown command 'bogus'/],
    [['deploy'], /missing required argument 'cluster'/],
    [['deploy', 'a', 'b'], /too many arguments/],
    [['lock', 'a'], /required option '--reason <text>' not specified/],
    [['show', '0x2a'], /'0x2a' is invalid for argument 'number'. It is a whole number like 42/],
    [['show', '-1'], /'-1' is invalid/],
    [['status', '--colour'], /unknown option '--colour'/],
    [['status', '..'], /"\.\." is not the name of a cluster/],
    [['status', '--url', 'localhost:8484'], /"localhost:8484" is not an address of a daemon/],
    [['status', '--url', 'http://ann:secret@localhost'], /must not contain a user, a password/],
    [['history', '--limit', 'many'], /'many' is invalid.* It is a whole number/],
    [['daemon', '--listen', '8484'], /'8484' is invalid.* like 127\.0\.0\.1:8484/],
    [['daemon', '--listen', '127.0.0.1:99999'], /is invalid/],
  ])('%j is exit 2 and says what is wrong', async (argv, expected) => {
    const text = await run(argv, { url: daemon.url });
    expect(text.exit).toBe(2);
    expect(text.stdout).toBe('');
    expect(text.stderr).toMatch(expected);
    const json = await run([...argv, '--json'], { url: daemon.url });
    expect(json.exit).toBe(2);
    expect(json.stderr).toBe('');
    expect(JSON.parse(json.stdout)).toMatchObject({ error: { message: expect.stringMatching(expected) as unknown } });
    expect(daemon.requests).toEqual([]);
  });

  test('help and version are exit 0 on standard output, no command at all is exit 2 with the help on standard error', async () => {
    const help = await run(['--help']);
    expect(help).toMatchObject({ exit: 0, stderr: '' });
    expect(help.stdout).toContain('lockstep deploy production --wait');
    expect(await run(['deploy', '--help'])).toMatchObject({ exit: 0, stdout: expect.stringContaining('--revision <revision>') as unknown });
    expect(await run(['help', 'deploy'])).toMatchObject({ exit: 0, stdout: expect.stringContaining('--wait') as unknown });
    expect(await run(['--version'])).toEqual({ exit: 0, stdout: '9.8.7\n', stderr: '' });
    expect(JSON.parse((await run(['--version', '--json'])).stdout)).toEqual({ version: '9.8.7' });
    expect(await run([])).toMatchObject({ exit: 2, stdout: '', stderr: expect.stringContaining('Usage: lockstep') as unknown });
  });
});

describe('odd surroundings', () => {
  test('a fault of ours is told as one, with exit 1', async () => {
    daemon.answers.set('GET /api/v1/clusters', { json: null });
    const { exit, stderr } = await run(['status'], { url: daemon.url });
    expect(exit).toBe(1);
    expect(stderr).toContain('This is a fault of Lockstep itself; please report it');
  });

  test('a reader that goes away ends the command quietly', async () => {
    daemon.answers.set('GET /api/v1/deployments/42/log', { text: 'line\n'.repeat(10_000) });
    const { exit, stderr } = await run(['logs', '42'], {
      url: daemon.url,
      watch: (stdout) => {
        stdout._write = (_chunk, _encoding, done) =>
          (done as (error: Error) => void)(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
      },
    });
    expect({ exit, stderr }).toEqual({ exit: 141, stderr: '' });
  });

  test('Ctrl-C during a request ends with 130', async () => {
    const controller = new AbortController();
    daemon.answers.set('GET /api/v1/clusters', () => {
      controller.abort();
      return overviewView([]);
    });
    expect((await run(['status'], { url: daemon.url, signal: controller.signal })).exit).toBe(130);
  });
});
