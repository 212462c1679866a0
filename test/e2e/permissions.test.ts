// Who may deploy, whose approval it takes, and that all of it is on record.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { AuditView } from '../../src/core/audit-text.ts';
import type { ClusterView, DeliveryView } from '../../src/core/views.ts';
import { until } from '../lab/until.ts';
import { must, openWorkshop, untilLive } from '../lab/workshop.ts';
import type { Workshop } from '../lab/workshop.ts';

describe('a cluster that not everybody may deploy to', () => {
  let shop: Workshop;
  const pushAs = (who: string, branch: string): Promise<string> =>
    must('git', ['push', '--force', 'origin', `HEAD:${branch}`], { cwd: shop.tree, env: { GL_USERNAME: who } });
  const outcome = async (revision: string): Promise<DeliveryView['decisions'][number]> => {
    const find = async () =>
      (await shop.json<{ deliveries: DeliveryView[] }>('deliveries')).deliveries
        .flatMap(({ decisions }) => decisions)
        .find((one) => one.revision === revision);
    await until(async () => (await find()) !== undefined, { what: `${revision} is decided` });
    return (await find()) as DeliveryView['decisions'][number];
  };
  const audit = async (...args: string[]): Promise<AuditView[]> => (await shop.json<{ entries: AuditView[] }>('audit', ...args)).entries;
  const waiting = async (): Promise<ClusterView> => {
    await until(async () => (await shop.status('live')).waiting !== null, { what: 'a deployment waits' });
    return shop.status('live');
  };

  beforeAll(async () => {
    shop = await openWorkshop(({ dir, git }) => ({
      project: 'shop',
      repositories: { shop: { type: 'git', url: git, poll: '1h' } },
      branches: [
        { repository: 'shop', branch: 'servers/demo', clusters: ['demo'] },
        { repository: 'shop', branch: 'servers/signed', clusters: ['signed'] },
        { repository: 'shop', branch: 'servers/live', clusters: ['live'] },
      ],
      permissions: [
        { who: ['team:shop'], may: ['deploy', 'rollback', 'lock'], clusters: ['demo', 'signed'] },
        { who: ['pusher:ann', 'bob'], may: ['deploy'], clusters: ['live'] },
      ],
      teams: { shop: ['ann'] },
      clusters: {
        demo: { environment: 'test', servers: [{ name: 'd', path: join(dir, 'servers/d') }] },
        signed: { environment: 'test', servers: [{ name: 's', path: join(dir, 'servers/s') }], allowedSigners: './signers' },
        live: {
          environment: 'test',
          servers: [{ name: 'l', path: join(dir, 'servers/l') }],
          approvals: { by: ['role:operator'], expires: '1h' },
        },
      },
    }));
    await must('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(shop.dir, 'key')]);
    await must('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(shop.dir, 'other')]);
    await writeFile(join(shop.dir, 'signers'), `ann@example.org ${await readFile(join(shop.dir, 'key.pub'), 'utf8')}`);
    await shop.start();
    await shop.lockstep(['hooks', 'install', shop.git]);
  });

  afterAll(() => shop.close());

  test('is deployed by who may, and a push of anybody else is refused with the rule that is missing', async () => {
    const good = await shop.commit({ 'index.html': 'one\n' });
    await pushAs('ann', 'servers/demo');
    await untilLive(shop, 'demo', good);
    const bad = await shop.commit({ 'index.html': 'two\n' });
    await pushAs('mallory', 'servers/demo');
    const { action, reason } = await outcome(bad);
    expect({ action, reason }).toEqual({
      action: 'refused',
      reason:
        'refused, mallory may not deploy to demo: no rule of "permissions" allows it; this one would: ' +
        '{"who": ["mallory"], "may": ["deploy"], "clusters": ["demo"]}; to deploy it all the same: lockstep deploy demo',
    });
    expect((await shop.status('demo')).release?.revision).toBe(good);
    expect((await audit('--cluster', 'demo'))[0]).toMatchObject({
      actor: 'mallory',
      kind: 'pusher',
      address: '127.0.0.1',
      action: 'refuse',
    });
  });

  test('takes a head that is signed by a trusted key only', async () => {
    const sign = async (key: string, content: string): Promise<string> => {
      await writeFile(join(shop.tree, 'index.html'), content);
      const settings = ['-c', 'gpg.format=ssh', '-c', `user.signingKey=${join(shop.dir, key)}`];
      await must('git', [...settings, 'commit', '-q', '-a', '-S', '-m', content], { cwd: shop.tree });
      return (await must('git', ['rev-parse', 'HEAD'], { cwd: shop.tree })).trim();
    };
    const foreign = await sign('other', 'foreign');
    await pushAs('ann', 'servers/signed');
    expect((await outcome(foreign)).reason).toContain(`${foreign.slice(0, 8)} is not signed by anybody that signed trusts`);
    const unsigned = await shop.commit({ 'index.html': 'unsigned\n' });
    await pushAs('ann', 'servers/signed');
    expect((await outcome(unsigned)).action).toBe('refused');
    expect(await shop.lockstep(['deploy', 'signed'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('is not signed by anybody') as unknown as string,
    });
    const signed = await sign('key', 'signed');
    await pushAs('ann', 'servers/signed');
    await untilLive(shop, 'signed', signed);
  });

  test('waits for the approval of somebody else, also through a new start', async () => {
    const revision = await shop.commit({ 'index.html': 'live\n' });
    await pushAs('ann', 'servers/live');
    const { waiting: number, waitsFor } = await waiting();
    expect(waitsFor).toMatchObject({
      kind: 'approval',
      needed: 1,
      approvedBy: [],
      by: ['role:operator'],
      text: 'waits for approval (0 of 1)',
    });
    expect((await shop.lockstep(['status'])).stdout).toContain(`${number} waits for approval (0 of 1)`);
    await shop.stop('SIGKILL');
    await shop.start();
    expect(await shop.show(number ?? 0)).toMatchObject({ state: 'waiting', waitsFor });
    const own = await shop.lockstep(['approve', String(number)], { SUDO_USER: 'Ann' });
    expect(own).toMatchObject({ code: 1, stderr: expect.stringContaining("it needs somebody else's approval") as unknown as string });
    const approved = await shop.lockstep(['approve', String(number)], { SUDO_USER: 'olga' });
    expect(approved).toMatchObject({ code: 0, stdout: expect.stringContaining('is approved') as unknown as string });
    await untilLive(shop, 'live', revision);
    expect((await audit('--cluster', 'live')).map(({ actor, action }) => `${actor} ${action}`)).toEqual([
      'olga approve',
      'Ann refuse',
      'ann deploy',
    ]);
  });

  test('gives up what is rejected; a newer commit supersedes what waits and needs an approval of its own', async () => {
    const rejected = await shop.commit({ 'index.html': 'rejected\n' });
    await pushAs('bob', 'servers/live');
    const first = (await waiting()).waiting;
    expect((await shop.lockstep(['reject', String(first), '--reason', 'not on a Friday'], { SUDO_USER: 'olga' })).code).toBe(0);
    expect(await shop.show(first ?? 0)).toMatchObject({
      revision: rejected,
      result: 'aborted',
      reason: 'rejected by olga: not on a Friday; nothing was changed',
    });

    await shop.commit({ 'index.html': 'older\n' });
    await pushAs('bob', 'servers/live');
    const older = (await waiting()).waiting;
    const revision = await shop.commit({ 'index.html': 'newer\n' });
    await pushAs('bob', 'servers/live');
    await until(async () => (await shop.status('live')).waiting !== older, { what: 'the newer one waits' });
    const newer = (await shop.status('live')).waiting;
    expect(await shop.show(older ?? 0)).toMatchObject({ result: 'superseded' });
    expect((await shop.lockstep(['approve', String(older)], { SUDO_USER: 'olga' })).code).toBe(1);
    expect((await shop.lockstep(['approve', String(newer)], { SUDO_USER: 'olga' })).code).toBe(0);
    await untilLive(shop, 'live', revision);
  });

  test('rolls back in an emergency without anybody’s approval', async () => {
    const { code, stdout, stderr } = await shop.lockstep(['rollback', 'live', '--emergency', '--wait']);
    expect({ code, stdout, stderr }).toMatchObject({ code: 0 });
  });

  test('has an audit that can be exported and verified', async () => {
    const verified = await shop.json<{ newest: { number: number; hash: string }; problem: string | null }>('audit', 'verify');
    expect(verified.problem).toBeNull();
    const csv = (await shop.lockstep(['audit', '--csv'])).stdout.trim().split('\r\n');
    expect(csv[0]).toBe('number,at,actor,kind,address,action,cluster,deployment,text,hash');
    expect(csv.length - 1).toBeGreaterThanOrEqual(verified.newest.number);
    const lines = (await shop.lockstep(['audit', '--jsonl', '--since', '1h'])).stdout.trim().split('\n');
    expect(lines.map((line) => (JSON.parse(line) as AuditView).action)).toEqual(
      expect.arrayContaining(['start', 'deploy', 'refuse', 'approve', 'reject', 'emergency']),
    );
    await shop.stop();
    await appendFile(join(shop.dir, 'signers'), '\n');
    await shop.start();
    const { number, hash } = verified.newest;
    expect((await shop.lockstep(['audit', 'verify', '--expect', `${number}:${hash}`])).code).toBe(0);
    expect((await shop.lockstep(['audit', 'verify', '--expect', `${number}:${'0'.repeat(64)}`])).code).toBe(1);
  });
});
