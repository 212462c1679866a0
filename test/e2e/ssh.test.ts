// The main job over real ssh: five servers behind sshd's default limits.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DeliveryView } from '../../src/core/views.ts';
import { fixture, proofHeaders } from '../forge/deliveries.ts';
import { startSshd } from '../lab/sshd.ts';
import type { Sshd } from '../lab/sshd.ts';
import { until } from '../lab/until.ts';
import { difference, must, openWorkshop, untilLive } from '../lab/workshop.ts';
import type { Workshop } from '../lab/workshop.ts';

const ADDRESSES = [1, 2, 3, 4, 5].map((i) => `127.0.8.${i}`);
const FILES = 4_000;

describe('with five servers over ssh, MaxStartups 10:30:100 and MaxSessions 10', () => {
  let sshd: Sshd;
  let shop: Workshop;
  let checkout: string;

  beforeAll(async () => {
    sshd = await startSshd({ addresses: ADDRESSES, maxStartups: '10:30:100', maxSessions: 10 });
    shop = await openWorkshop(({ dir, git, svn }) => {
      const cluster = (name: string, keep: string) => ({
        environment: 'test',
        ssh: { identity: sshd.identity, knownHosts: sshd.knownHosts, keep },
        servers: ADDRESSES.map((host, i) => ({
          name: `${name}${i + 1}`,
          host,
          port: sshd.port,
          user: sshd.user,
          path: pathIn(dir, name, i + 1),
        })),
      });
      return {
        project: 'shop',
        repositories: {
          shop: { type: 'git', url: git },
          portal: { type: 'svn', url: `file://${svn}` },
          hub: { type: 'git', url: git, forge: 'github' },
        },
        branches: [
          { repository: 'shop', branch: 'servers/demo', clusters: ['demo'] },
          { repository: 'hub', branch: 'servers/staging', clusters: ['staging'] },
          { repository: 'portal', branch: 'trunk', clusters: ['portal'], build: { command: 'sleep 5' } },
        ],
        clusters: { demo: cluster('demo', '10m'), portal: cluster('portal', '0s'), staging: cluster('staging', '0s') },
      };
    });
    checkout = join(shop.dir, 'checkout');
    await must('svnadmin', ['create', shop.svn]);
    await must('svn', ['mkdir', '-q', '-m', 'Layout', `file://${shop.svn}/trunk`, `file://${shop.svn}/tags`]);
    await must('svn', ['checkout', '-q', `file://${shop.svn}/trunk`, checkout]);
    await shop.start();
    for (const path of [shop.git, shop.svn]) await shop.lockstep(['hooks', 'install', path]);
  });

  afterAll(async () => {
    await shop.close();
    await sshd.stop();
  });

  const pathIn = (dir: string, name: string, i: number): string => join(dir, 'servers', `${name}${i}`);

  test('doctor finds every server well', async () => {
    const { code, stdout } = await shop.lockstep(['doctor']);
    expect([code, stdout]).toEqual([0, expect.stringContaining(' 0 fail')]);
  });

  test('git push brings all servers to the tree of the commit', async () => {
    await mkdir(join(shop.tree, 'lib'), { recursive: true });
    for (let i = 0; i < FILES; i++) await writeFile(join(shop.tree, 'lib', `${i}.txt`), `${i} ${'x'.repeat(2_000)}\n`);
    const revision = await shop.commit({ 'index.html': 'one\n' }, 'Four thousand files');
    await shop.push('HEAD:servers/demo');
    await untilLive(shop, 'demo', revision, 60_000);
    for (const i of [1, 5]) expect(await difference(shop.tree, `${pathIn(shop.dir, 'demo', i)}/current/`)).toBe('');
  });

  test('a change of 10 of 4,000 files costs no new connection, no new channel and little more than its bytes per server', async () => {
    const before = (await sshd.log()).length;
    const changed = Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`lib/${i * 7}.txt`, `changed ${'y'.repeat(2_000)}\n`]));
    const revision = await shop.commit(changed, 'Ten files');
    await shop.push('HEAD:servers/demo');
    const { deployment } = await untilLive(shop, 'demo', revision);
    const changedBytes = Object.values(changed).reduce((sum, text) => sum + text.length, 0);
    const listBytes = Object.keys(changed).join('\0').length;
    const { servers } = await shop.show(deployment ?? 0);
    for (const server of servers) {
      expect(server.carrier).toBe('delta');
      expect(server.bytes).toBeLessThan(2 * changedBytes + listBytes);
    }
    const log = (await sshd.log()).slice(before);
    // Those of the deployment before are still open, and everything goes over the agent's channel.
    expect(log.match(/Accepted publickey|Starting session: /g) ?? []).toEqual([]);
    for (const i of [1, 2, 3, 4, 5]) expect(await difference(shop.tree, `${pathIn(shop.dir, 'demo', i)}/current/`)).toBe('');
  });

  test('servers are connected to when a hook comes, before the repository has said what is new; but not those of a locked cluster', async () => {
    const before = (await sshd.log()).length;
    const connections = async () => (await sshd.log()).slice(before).match(/Accepted publickey/g)?.length ?? 0;
    const { secret } = await shop.json<{ secret: string }>('hooks', 'secret', 'hub');
    const { headers, payload } = fixture('github-push');
    const deliver = async (id: string, after = 'f'.repeat(40)): Promise<void> => {
      const body = JSON.stringify({ ...payload, ref: 'refs/heads/servers/staging', after });
      const own = { ...proofHeaders('github', body, secret), 'x-github-delivery': id };
      const { status } = await fetch(`${shop.url}/hooks/hub`, { method: 'POST', headers: { ...headers, ...own }, body });
      expect(status).toBe(202);
      const isDecided = async () =>
        (await shop.json<{ deliveries: DeliveryView[] }>('deliveries')).deliveries.some((one) => one.id === id && one.state === 'decided');
      await until(isDecided, { what: 'the repository has been asked' });
    };
    await shop.lockstep(['lock', 'staging', '--reason', 'a move']);
    await deliver('while-locked');
    expect(await connections()).toBe(0);
    await shop.lockstep(['unlock', 'staging']);
    await deliver('of-nothing');
    await until(async () => (await connections()) === ADDRESSES.length, { what: 'all servers are connected to' });
    // The push that comes next finds them open.
    const revision = await shop.commit({ 'index.html': 'two\n' }, 'A page');
    await shop.push('HEAD:servers/staging');
    await deliver('of-the-push', revision);
    await untilLive(shop, 'staging', revision);
    expect(await connections()).toBe(ADDRESSES.length);
  });

  test('svn commit brings all servers to the tree of the revision; where no connections are kept, they are made while it is being built', async () => {
    const before = (await sshd.log()).length;
    await must('sh', ['-c', 'echo portal >index.html && svn add -q index.html'], { cwd: checkout });
    await must('svn', ['commit', '-q', '--username', 'yuri', '-m', 'A page', checkout]);
    const connections = async () => (await sshd.log()).slice(before).match(/Accepted publickey/g)?.length;
    await until(async () => (await connections()) === ADDRESSES.length, { what: 'all servers are connected to' });
    const { deployment } = await shop.status('portal');
    expect((await shop.show(deployment ?? 0)).steps.find(({ step }) => step === 'build')).toMatchObject({ state: 'running' });
    await untilLive(shop, 'portal', '2');
    for (const i of [1, 2, 3, 4, 5]) expect(await difference(checkout, `${pathIn(shop.dir, 'portal', i)}/current/`)).toBe('');
  });
});
