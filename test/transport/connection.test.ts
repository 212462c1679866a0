// Connections: few, guarded, found broken quickly, made again, and gone without a trace.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Channel } from '../../src/core/channel.ts';
import type { Server } from '../../src/core/server.ts';
import { agentChannel } from '../../src/transport/agent-channel.ts';
import { startChild } from '../../src/transport/child.ts';
import { limiter } from '../../src/transport/limiter.ts';
import { localLink } from '../../src/transport/local.ts';
import { openSession } from '../../src/transport/session.ts';
import { warmSessions } from '../../src/transport/warm-sessions.ts';
import { startSshd } from '../lab/sshd.ts';
import type { Sshd } from '../lab/sshd.ts';
import { until } from '../lab/until.ts';
import { codeOf, nextOp, openGround, processesOf, soon, upload } from './ground.ts';
import type { Ground } from './ground.ts';

const LOCK = { page: 'wait', timeoutMs: 60_000, botsTimeoutMs: 0 };
const messageOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'no error',
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );

describe('a connection over ssh', () => {
  let sshd: Sshd;
  let ground: Ground;
  const addresses = Array.from({ length: 12 }, (_, i) => `127.0.0.${i + 1}`);

  beforeAll(async () => {
    sshd = await startSshd({ addresses });
  });
  afterAll(async () => sshd.stop());
  beforeEach(async () => {
    ground = await openGround(sshd);
  });
  afterEach(async () => ground.close());

  test('is one for a whole deployment, with at most three channels, and leaves nothing behind', async () => {
    const before = (await sshd.log()).length;
    const channel = ground.channel();
    const one = await ground.artifact({ a: 'one' });
    const two = await ground.artifact({ a: 'two!' });
    await channel.hello(soon());
    await upload(channel, 'r1', one);
    await upload(channel, 'r2', two, { base: { release: 'r1', artifact: one } });
    await channel.lock(nextOp(), 'token', LOCK, soon());
    await channel.switch(nextOp(), 'token', 'r2', soon());
    await channel.decide(nextOp(), 'token', { release: 'r2', timeoutMs: 60_000, durable: true }, soon());
    await channel.run(
      nextOp(),
      { name: 'flush', command: { run: 'true', timeoutMs: 5_000, on: null }, release: 'r2', environment: {} },
      soon(),
    );
    await channel.unlock(nextOp(), 'token', soon());
    await channel.collect(['r2'], soon());
    await channel.close();
    await channel.close();
    expect(await codeOf(channel.hello(soon()))).toBe('aborted');
    await until(() => processesOf(channel.server.path).length === 0, { what: 'the agent and the watchdog end' });
    expect(processesOf(ground.runtime)).toEqual([]);
    const log = (await sshd.log()).slice(before);
    expect(log.split('Connection from').length - 1).toBe(1);
    expect(log.split('Starting session').length - 1).toBeLessThanOrEqual(3);
  });

  test('to more servers at once than one sshd lets in gets past MaxStartups, and opens fewer at a time then', async () => {
    const before = (await sshd.log()).length;
    const servers = Array.from({ length: 48 }, (_, i) => ground.server({ host: addresses[i % addresses.length] ?? '' }));
    const channels = servers.map((server) => ground.channel(server, 1, { connections: 48 }));
    const greetings = await Promise.all(channels.map((channel) => channel.hello(AbortSignal.timeout(60_000))));
    expect(greetings).toHaveLength(48);
    const dropped = (await sshd.log()).slice(before).split('drop connection').length - 1;
    expect(dropped).toBeLessThan(48);
  });

  test('is kept for the next deployment, and made anew if it broke meanwhile', async () => {
    const before = (await sshd.log()).length;
    const ssh = { identity: sshd.identity, knownHosts: sshd.knownHosts, keepMs: 60_000 };
    const server = ground.server();
    const connections = async () => (await sshd.log()).slice(before).split('Connection from').length - 1;
    for (let deployment = 1; deployment <= 3; deployment++) {
      const channel = ground.channel(server, 1, { ssh });
      await channel.hello(soon());
      await channel.close();
    }
    expect(await connections()).toBe(1);
    // Another key, another connection: what an old configuration opened is not used by a new one.
    const other = ground.channel(server, 1, { ssh: { ...ssh, keepMs: 0 } });
    await other.hello(soon());
    await other.close();
    expect(await connections()).toBe(2);
    for (const pid of sshd.sessions()) process.kill(pid, 'SIGKILL');
    const again = ground.channel(server, 1, { ssh });
    await again.hello(soon());
    await again.close();
    expect(await connections()).toBe(3);
    await ground.transport.close();
    await until(() => processesOf(server.path).length === 0, { what: 'the agent ends with the transport' });
  });

  test('is made ahead of a channel that is expected, which waits for it; and ends if nobody comes', async () => {
    const before = (await sshd.log()).length;
    const connections = async () => (await sshd.log()).slice(before).split('Connection from').length - 1;
    const [server, other] = [ground.server(), ground.server()];
    const ahead = (to: Server): void => ground.transport.connectAhead?.(to, { epoch: 1, cluster: ground.cluster() });
    ahead(server);
    ahead(server);
    const channel = ground.channel(server);
    await channel.hello(soon());
    await channel.close();
    expect(await connections()).toBe(1);
    // Who stops waiting leaves nothing behind.
    ahead(other);
    const stopped = new AbortController();
    const hello = ground.channel(other).hello(stopped.signal);
    stopped.abort();
    expect(await codeOf(hello)).toBe('aborted');
    // A connection that cannot be made is no more than a try of the channel's own.
    const nobody = ground.server({ host: '127.0.0.200' });
    ahead(nobody);
    ahead(nobody);
    expect(await messageOf(ground.channel(nobody).hello(soon()))).toMatch(/Connection refused/);
    ahead(ground.server());
    await ground.transport.close();
    await until(() => processesOf(ground.directory).length === 0, { what: 'all agents end with the transport' });
  });

  test('that is not wanted after some time is closed', async () => {
    const sessions = warmSessions(200);
    const { path } = ground.server();
    sessions.open(
      'one',
      (signal) => openSession(localLink(), path, signal),
      () => Promise.resolve(),
    );
    await until(() => processesOf(path).length > 0, { what: 'an agent begins' });
    await until(() => processesOf(path).length === 0, { what: 'the agent ends' });
    expect(await sessions.take('one', soon())).toBeNull();
    await sessions.close();
  });

  test('is refused to a server that shows an unknown or another host key, and says how to trust it', async () => {
    const other = await startSshd();
    try {
      const empty = join(ground.directory, 'no-hosts');
      await writeFile(empty, '');
      const changed = join(ground.directory, 'other-hosts');
      await writeFile(changed, readFileSync(other.knownHosts, 'utf8').replace(String(other.port), String(sshd.port)));
      for (const knownHosts of [empty, changed]) {
        const channel = ground.channel(ground.server(), 1, { ssh: { identity: sshd.identity, knownHosts, keepMs: 0 } });
        expect(await messageOf(channel.hello(soon()))).toMatch(
          /^connection of web\d+ failed: its host key .*Trust it: lockstep servers trust production$/,
        );
        expect(await codeOf(channel.hello(soon()))).toBe('untrusted');
      }
    } finally {
      await other.stop();
    }
  });

  test('is not asked for again and again with a key that the server does not know', async () => {
    const other = await startSshd();
    const before = (await sshd.log()).length;
    try {
      const channel = ground.channel(ground.server(), 1, { ssh: { identity: other.identity, knownHosts: sshd.knownHosts, keepMs: 0 } });
      expect(await messageOf(channel.hello(soon()))).toMatch(
        /^connection of web\d+ failed: ssh exited 255: .*Permission denied .*authorized_keys/,
      );
      expect((await sshd.log()).slice(before).split('Connection from').length - 1).toBe(1);
    } finally {
      await other.stop();
    }
  });

  test('to a port where nobody listens is given up soon, with ssh’s own words', async () => {
    const channel = ground.channel(ground.server({ host: '127.0.0.200' }));
    const started = Date.now();
    expect(await messageOf(channel.hello(soon()))).toMatch(/^connection of web\d+ failed: ssh exited 255: .*Connection refused/);
    expect(await codeOf(channel.hello(soon()))).toBe('unreachable');
    expect(Date.now() - started).toBeLessThan(20_000);
  });

  test('that hangs is found by keepalive, and made anew', async () => {
    const channel = ground.channel();
    await channel.hello(soon());
    const sessions = sshd.sessions();
    expect(sessions.length).toBeGreaterThan(0);
    for (const session of sessions) process.kill(session, 'SIGSTOP');
    try {
      const started = Date.now();
      await channel.lock(nextOp(), 'token', LOCK, soon());
      expect(Date.now() - started).toBeGreaterThan(2_000);
      expect(Date.now() - started).toBeLessThan(25_000);
      await channel.unlock(nextOp(), 'token', soon());
    } finally {
      for (const session of sessions) process.kill(session, 'SIGKILL');
    }
  });

  test('is closed while it is being made, without a trace', async () => {
    const channel = ground.channel();
    const greeting = codeOf(channel.hello(soon()));
    await channel.close();
    expect(await greeting).toBe('aborted');
    const stopped = ground.channel();
    expect(await codeOf(stopped.hello(AbortSignal.timeout(1)))).toBe('timeout');
    expect(await codeOf(stopped.hello(AbortSignal.abort()))).toBe('aborted');
  });

  test('to a name that ssh would take for an option is never made', () => {
    const refused = (changes: { host?: string; user?: string; path?: string }) => () => ground.channel(ground.server(changes));
    for (const host of ['-oProxyCommand=touch x', 'a b', 'a;b', 'a\nb', '']) expect(refused({ host })).toThrow(/is not a host name/);
    expect(refused({ user: '-l' })).toThrow(/account/);
    expect(refused({ path: '/srv/*' })).toThrow(/path/);
  });
});

describe('a server whose login shell talks', () => {
  test('is deployed to like any other', async () => {
    const sshd = await startSshd({ lines: [`ForceCommand echo "Welcome! @ready"; printf "no line end "; sh -c "$SSH_ORIGINAL_COMMAND"`] });
    const ground = await openGround(sshd);
    try {
      const channel = ground.channel();
      const one = await ground.artifact({ a: 'one' });
      await upload(channel, 'r1', one);
      await channel.switch(nextOp(), null, 'r1', soon());
      expect(readFileSync(join(channel.server.path, 'current/a'), 'utf8')).toBe('one');
    } finally {
      await ground.close();
      await sshd.stop();
    }
  });

  test.each([
    ['junk', 'head -c 3000000 /dev/urandom', /bad-answer/],
    ['a sentence', 'echo This account is currently not available.; exit 1', /bad-answer: .*This account is currently not available/],
    ['nothing', 'exit 0', /bad-answer/],
  ])('and says only %s is given up at once', async (_, command, expected) => {
    const sshd = await startSshd({ lines: [`ForceCommand ${command}`] });
    const ground = await openGround(sshd);
    try {
      const channel = ground.channel();
      expect(`${await codeOf(channel.hello(soon()))}: ${await messageOf(channel.hello(soon()))}`).toMatch(expected);
      expect((await sshd.log()).split('Connection from').length - 1).toBe(2);
    } finally {
      await ground.close();
      await sshd.stop();
    }
  });
});

describe('a server in foreign hands', () => {
  let ground: Ground;
  beforeEach(async () => {
    ground = await openGround();
  });
  afterEach(async () => ground.close());

  /** An agent of the attacker's: after the greeting it answers each request with `answer`, a shell command that sees $seq and $nonce. */
  async function impostor(answer: string): Promise<Channel> {
    const script = join(ground.directory, 'impostor.sh');
    await writeFile(script, `nonce=$3; echo "@$nonce ready"; while read -r seq rest; do ${answer}; done\n`);
    await chmod(script, 0o700);
    const link = { ...localLink(), connect: ([, , , ...rest]: readonly string[]) => impersonate(script, rest) };
    return agentChannel({
      layout: null,
      page: '',
      hostKeys: () => Promise.resolve(''),
      server: ground.server(),
      epoch: 1,
      link,
      limiter: limiter(1),
    });
  }
  const impersonate = (script: string, [, ...rest]: readonly string[]) =>
    Promise.resolve({ child: startChild('sh', [script, ...rest]), carrier: { rsh: null }, clean: () => Promise.resolve() });

  test.each([
    ['no JSON', 'echo "@$nonce $seq {"'],
    ['JSON of another kind', 'echo "@$nonce $seq []"'],
    ['half a greeting', `echo "@$nonce $seq {\\"current\\":null}"`],
    [
      'a release name that is a path',
      `echo "@$nonce $seq {\\"current\\":\\"../../etc\\",\\"sealed\\":[],\\"lock\\":null,\\"freeBytes\\":1,\\"freeInodes\\":1,\\"rsync\\":null}"`,
    ],
    [
      'a number that is none',
      `echo "@$nonce $seq {\\"current\\":null,\\"sealed\\":[],\\"lock\\":null,\\"freeBytes\\":-1,\\"freeInodes\\":1,\\"rsync\\":null}"`,
    ],
    ['an unknown refusal', `echo "@$nonce $seq {\\"error\\":\\"__proto__\\",\\"message\\":\\"x\\"}"`],
    ['an answer to another question', 'echo "@$nonce 999999999 {}"'],
    ['a line without end', `printf "@$nonce $seq "; yes | tr -d "\\n" | head -c 10000000`],
    ['more than anybody reads', 'yes | head -c 100000000'],
  ])('that answers with %s is not believed', async (_, answer) => {
    const channel = await impostor(answer);
    const grown = process.memoryUsage().rss;
    expect(await codeOf(channel.hello(soon()))).toBe('bad-answer');
    expect(process.memoryUsage().rss - grown).toBeLessThan(64 * 1024 * 1024);
    await channel.close();
  });

  test('cannot bring control characters into a message', async () => {
    const channel = await impostor(`printf '@%s %s {"error":"refused","message":"a\\\\u001b[31mb\\\\nc"}\\n' "$nonce" "$seq"`);
    expect(await messageOf(channel.hello(soon()))).toMatch(/failed: a\\x1b\[31mb\\nc$/);
    await channel.close();
  });
});

describe('requests', () => {
  let ground: Ground;
  beforeEach(async () => {
    ground = await openGround();
  });
  afterEach(async () => ground.close());

  test('that were left behind by a broken connection do nothing once a later one has acted', async () => {
    const server = ground.server();
    const first = ground.channel(server);
    const second = ground.channel(server);
    await first.hello(soon());
    await second.hello(soon());
    // The mutex is held elsewhere: the lock of the first channel waits for it, and its channel goes away.
    const holder = startChild('flock', [join(server.path, '.lockstep/mutex'), 'sh', '-c', 'read -r line; exit']);
    holder.stdout.resume();
    await until(() => processesOf('read -r line; exit').length > 1, { what: 'the mutex is held' });
    const controller = new AbortController();
    const leftBehind = codeOf(first.lock(nextOp(), 'token', LOCK, controller.signal));
    await until(() => processesOf(server.path).some((line) => / flock -w /.test(line)), { what: 'the request waits' });
    controller.abort();
    expect(await leftBehind).toBe('aborted');
    // As if a later request had come by: the order is on the server.
    writeFileSync(join(server.path, '.lockstep/order'), '1 999999\n');
    holder.stdin.end('\n');
    await holder.ended;
    await second.unlock(nextOp(), 'token', soon());
    await until(() => processesOf(server.path).every((line) => !/ flock -w /.test(line)), { what: 'the request is over' });
    expect(existsSync(join(server.path, 'maintenance'))).toBe(false);
    expect((await second.hello(soon())).lock).toBeNull();
  });

  test('on two channels of one daemon do not hinder one another', async () => {
    const server = ground.server();
    const [first, second] = [ground.channel(server), ground.channel(server)];
    const rounds = Array.from({ length: 6 }, async (_, i) => {
      const channel = i % 2 === 0 ? first : second;
      await channel.lock(nextOp(), 'token', LOCK, soon());
      return channel.hello(soon());
    });
    for (const greeting of await Promise.all(rounds)) expect(greeting.lock).toBe('token');
    await first.unlock(nextOp(), 'token', soon());
  });
});
