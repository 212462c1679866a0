// `deliveries`, `deliveries replay` and `hooks secret`.
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { DeliveryView } from '../../src/core/views.ts';
import { run, secondsAgo, startStandIn } from './stand-in.ts';
import type { StandIn } from './stand-in.ts';

let daemon: StandIn;
beforeEach(async () => {
  daemon = await startStandIn();
});
afterEach(() => daemon.stop());

const delivery = (id: string, more: Partial<DeliveryView> = {}): DeliveryView => ({
  id,
  repository: 'shop',
  source: 'github',
  actor: 'ann',
  receivedAt: secondsAgo(130),
  replayedBy: null,
  state: 'decided',
  summary: 'servers/production → production: deployment 42',
  decisions: [],
  ...more,
});
const answers = (...deliveries: DeliveryView[]): void => {
  for (const query of ['limit=20', 'limit=1000', 'limit=1000&repository=shop', 'limit=5&repository=shop']) {
    daemon.answers.set(`GET /api/v1/deliveries?${query}`, { json: { deliveries } });
  }
};
const lockstep = (...argv: string[]) => run(argv, { url: daemon.url });

describe('deliveries', () => {
  test('says of each what came of it, in one sentence', async () => {
    answers(delivery('a1'), delivery('b2', { summary: 'refs/tags/v1: ignored, only branches deploy, and this is a tag', actor: null }));
    const { exit, stdout } = await lockstep('deliveries');
    expect(exit).toBe(0);
    expect(stdout).toMatch(
      /^RECEIVED +REPOSITORY +FROM +BY +ID +OUTCOME\n2 min ago +shop +github +ann +a1 +servers\/production → production/,
    );
    expect(stdout).toContain('refs/tags/v1: ignored, only branches deploy, and this is a tag');
    expect(JSON.parse((await lockstep('deliveries', '--repository', 'shop', '--limit', '5', '--json')).stdout)).toMatchObject({
      deliveries: [{ id: 'a1' }, { id: 'b2' }],
    });
  });

  test('says what to do when nothing was received yet', async () => {
    answers();
    expect((await lockstep('deliveries')).stdout).toContain('lockstep hooks secret REPOSITORY');
  });

  test('shows what others wrote without obeying it', async () => {
    answers(delivery('a1', { actor: 'a\u001b[31mnn', summary: 'x\u202ey' }));
    expect((await lockstep('deliveries')).stdout).toMatch(/a\\x1b\[31mnn.*x\\u202ey/);
  });
});

describe('deliveries replay', () => {
  const REPLAY = 'POST /api/v1/deliveries/shop/72d3-%7Ba%7D/replay';
  const replayed = { delivery: '72d3-{a}', decisions: [], lines: ['Lockstep: servers/demo: already live'] };

  test('takes the whole id or a beginning that fits only one', async () => {
    answers(delivery('72d3-{a}'), delivery('72d4'));
    daemon.answers.set(REPLAY, { status: 202, json: replayed });
    for (const id of ['72d3-{a}', '72d3']) {
      expect(await lockstep('deliveries', 'replay', id)).toEqual({ exit: 0, stdout: 'Lockstep: servers/demo: already live\n', stderr: '' });
    }
    const { exit, stderr } = await lockstep('deliveries', 'replay', '72d');
    expect(exit).toBe(1);
    expect(stderr).toContain('Several deliveries are called 72d: 72d3-{a} of shop, 72d4 of shop');
    expect((await lockstep('deliveries', 'replay', 'x')).stderr).toContain('There is no delivery x among the newest 1000');
  });

  test('leaves an old delivery that is named whole, with its repository, to the daemon', async () => {
    answers();
    daemon.answers.set(REPLAY, { status: 202, json: replayed });
    expect((await lockstep('deliveries', 'replay', '72d3-{a}', '--repository', 'shop')).exit).toBe(0);
    expect(daemon.requests.at(-1)).toMatchObject({ method: 'POST', body: { by: expect.any(String) } });
  });
});

test('hooks secret prints what to enter, and refuses to rotate and retire at once', async () => {
  const { stdout } = await lockstep('hooks', 'secret', 'shop', '--rotate', '--url', 'https://deploy.example.org');
  expect(stdout).toBe('shop https://deploy.example.org rotate=true retire=false\n');
  expect(JSON.parse((await lockstep('hooks', 'secret', 'shop', '--json')).stdout)).toMatchObject({ repository: 'shop', inForce: 1 });
  expect(await lockstep('hooks', 'secret', 'shop', '--rotate', '--retire')).toMatchObject({ exit: 2 });
  expect(await lockstep('hooks', 'secret')).toMatchObject({ exit: 2 });
});
