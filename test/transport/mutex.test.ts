// The mutex of a server: kept from `lock` to `unlock` by a cutover that nothing comes between, and never a reason to wait for ever.
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Channel } from '../../src/core/channel.ts';
import { until } from '../lab/until.ts';
import { codeOf, nextOp, openGround, processesOf, soon, upload } from './ground.ts';
import type { Ground } from './ground.ts';

const LOCK = { page: 'wait', timeoutMs: 60_000, botsTimeoutMs: 0 };
const READY = { token: 'token', release: 'r1', isBrief: true };

describe('the mutex that a cutover keeps', () => {
  let ground: Ground;
  let ours: Channel;
  let other: Channel;

  beforeEach(async () => {
    ground = await openGround();
    ours = ground.channel();
    other = ground.channel(ours.server);
    await upload(ours, 'r1', await ground.artifact({ a: 'one' }));
    await other.hello(soon());
  });
  afterEach(async () => {
    await ours.unlock(nextOp(), 'token', soon());
    await ground.close();
  });

  const agents = (): number[] =>
    processesOf(ours.server.path)
      .filter((line) => /^\d+ sh .* serve /.test(line)) // Not their hands.
      .map((line) => Number.parseInt(line, 10));
  /** The agent that was started last. What an agent forks for a verb may live a moment longer than its answer takes. */
  const theOther = async (): Promise<number> => {
    await until(() => agents().length === 2, { what: 'both agents wait' });
    return agents()[1] ?? 0;
  };
  /** How long another verb has to wait, in milliseconds. */
  async function waitOfAnother(): Promise<number> {
    const began = Date.now();
    await other.ready(nextOp(), { ...READY, token: 'other', isBrief: false }, AbortSignal.timeout(40_000));
    return Date.now() - began;
  }

  test('is there for others as soon as it is unlocked, and after any other verb', async () => {
    await ours.ready(nextOp(), READY, soon());
    await ours.lock(nextOp(), 'token', LOCK, soon());
    await ours.switch(nextOp(), 'token', 'r1', soon());
    await ours.decide(nextOp(), 'token', { release: 'r1', timeoutMs: 60_000, durable: false }, soon());
    await ours.unlock(nextOp(), 'token', soon());
    expect(await waitOfAnother()).toBeLessThan(5_000);
    await ours.ready(nextOp(), READY, soon());
    await ours.hello(soon());
    expect(await waitOfAnother()).toBeLessThan(5_000);
    await until(() => agents().length === 2, { what: 'both agents go on' });
  });

  test('lets nobody in between, but only for ten seconds; the cutover goes on over a new connection', async () => {
    await ours.ready(nextOp(), READY, soon());
    await ours.lock(nextOp(), 'token', LOCK, soon());
    expect(await waitOfAnother()).toBeGreaterThan(9_000);
    await until(() => agents().length === 1, { what: 'the agent that kept it has ended' });
    await ours.switch(nextOp(), 'token', 'r1', soon());
    await ours.unlock(nextOp(), 'token', soon());
    expect(existsSync(join(ours.server.path, 'maintenance'))).toBe(false);
  });

  test('is the one that everybody sees, also for an agent from before somebody removed .lockstep', async () => {
    const [first] = agents();
    await rm(join(ours.server.path, '.lockstep'), { recursive: true });
    // A newer connection: it makes everything anew.
    await ground.channel(ours.server).hello(soon());
    await ours.ready(nextOp(), READY, soon());
    await until(() => agents().every((pid) => pid !== first), { what: 'the agent that knew the old one has ended' });
    expect(await waitOfAnother()).toBeGreaterThan(9_000);
  });

  test('ends with its agent', async () => {
    const others = await theOther();
    await ours.ready(nextOp(), READY, soon());
    await ours.lock(nextOp(), 'token', LOCK, soon());
    for (const pid of agents()) if (pid !== others) process.kill(pid, 'SIGKILL');
    expect(await waitOfAnother()).toBeLessThan(5_000);
  });

  test('does not keep a lock alive whose time is over, even if the agent hangs', async () => {
    const others = await theOther();
    await ours.ready(nextOp(), READY, soon());
    await ours.lock(nextOp(), 'token', { ...LOCK, timeoutMs: 2_000 }, soon());
    for (const pid of agents()) if (pid !== others) process.kill(pid, 'SIGSTOP');
    await until(() => !existsSync(join(ours.server.path, 'maintenance')), { what: 'the watchdog ends the lock', timeoutMs: 40_000 });
    expect(agents()).toEqual([others]);
    expect(await codeOf(ours.switch(nextOp(), 'token', 'r1', soon()))).toBe('lock-lost');
  });
});
