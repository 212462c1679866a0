// The operator: a migration of which nobody knows whether it ran is never run again and never hidden.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { localServers, oneCluster } from '../lab/configuration.ts';
import { until } from '../lab/until.ts';
import { openWorkshop, run, untilLive } from '../lab/workshop.ts';
import type { Workshop } from '../lab/workshop.ts';

const SERVERS = [1, 2];
/** Not a number that anybody else would sleep for. */
const SLEEP = 300_017;

describe('a migration whose process is killed together with the agent that watched it', () => {
  let shop: Workshop;
  let first = '';

  beforeAll(async () => {
    shop = await openWorkshop(({ dir, git }) =>
      oneCluster('demo', git, {
        servers: localServers(dir, SERVERS),
        maintenance: { lockTimeout: '30s' },
        commands: { migrate: `echo x >>${dir}/runs; test ! -e hang || sleep ${SLEEP}` },
      }),
    );
    await shop.start();
    await shop.lockstep(['hooks', 'install', shop.git]);
    first = await shop.commit({ 'index.html': 'first\n' });
    await shop.push('HEAD:servers/demo');
    await untilLive(shop, 'demo', first);
  });

  afterAll(() => shop.close());

  const runs = async (): Promise<number> => (await readFile(join(shop.dir, 'runs'), 'utf8').catch(() => '')).length / 2;
  const page = (i: number): Promise<string> => readFile(join(shop.dir, `servers/web${i}/current/index.html`), 'utf8');

  /** Deploys a commit, kills its migration in the middle; returns the number of the deployment, which then waits. */
  async function killMigration(text: string): Promise<number> {
    await rm(join(shop.dir, 'runs'), { force: true });
    await shop.commit({ 'index.html': text, hang: 'yes\n' });
    await shop.push('HEAD:servers/demo');
    await until(async () => (await runs()) === 1, { what: 'the migration runs' });
    const { stdout } = await run('pgrep', ['-f', `execute ${shop.dir}`]);
    // First those who would write the end down.
    await run('kill', ['-KILL', ...stdout.trim().split('\n')]);
    await run('pkill', ['-KILL', '-f', `sleep ${SLEEP}`]);
    const view = await until(
      async () => {
        const now = await shop.status('demo');
        return now.state === 'needs-operator' ? now : null;
      },
      { what: 'the deployment asks for an operator' },
    );
    return view.deployment ?? 0;
  }

  test('I5: waits for an operator with the statement and the two commands; marked as done, all servers go forward', async () => {
    const number = await killMigration('second\n');
    const view = await shop.show(number);
    expect(view.reason).toContain(`sleep ${SLEEP}`);
    expect(view.reason).toContain(`lockstep migration mark-done ${number}`);
    expect(view.reason).toContain(`lockstep migration mark-not-done ${number}`);
    expect((await shop.lockstep(['migration', 'mark-done', String(number)])).code).toBe(0);
    expect((await shop.lockstep(['wait', String(number)])).code).toBe(0);
    expect(await runs()).toBe(1);
    for (const i of SERVERS) expect(await page(i)).toBe('second\n');
  });

  test('I5: also over a restart; marked as not done, all servers go back', async () => {
    const number = await killMigration('third\n');
    await shop.stop('SIGKILL');
    await shop.start();
    expect((await shop.show(number)).state).toBe('needs-operator');
    expect((await shop.lockstep(['migration', 'mark-not-done', String(number)])).code).toBe(0);
    expect((await shop.lockstep(['wait', String(number)])).code).toBe(1);
    expect(await runs()).toBe(1);
    for (const i of SERVERS) {
      expect(await page(i)).toBe('second\n');
      expect((await run('test', ['-e', join(shop.dir, `servers/web${i}/maintenance`)])).code).toBe(1);
    }
  });
});
