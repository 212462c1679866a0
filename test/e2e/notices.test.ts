// From a real push to those who are told: forges, a chat, a program. And whoever does not listen changes nothing.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { join } from 'node:path';
import { writeFile } from 'node:fs/promises';
import type { NoticesView } from '../../src/core/views.ts';
import { startRecorder } from '../lab/recorder.ts';
import type { Recorder, Told } from '../lab/recorder.ts';
import { until } from '../lab/until.ts';
import { freePort, openWorkshop, untilLive } from '../lab/workshop.ts';
import type { Workshop } from '../lab/workshop.ts';

describe('a push to a repository on a forge', () => {
  let shop: Workshop;
  let hub: Recorder;
  let lab: Recorder;
  let bus: Recorder;
  let deadPort = 0;

  /** As far as the daemon asks them, GitHub and GitLab. */
  const github = ({ method, path }: Told) => {
    if (method === 'GET') return { body: '[]' };
    return path.endsWith('/deployments') ? { status: 201, body: '{"id": 7001}' } : { status: 201, body: '{"id": 1}' };
  };
  const gitlab = ({ method, path }: Told) =>
    method === 'POST' && path.endsWith('/deployments') ? { status: 201, body: '{"id": 88}' } : { status: 201 };

  beforeAll(async () => {
    hub = await startRecorder(github);
    lab = await startRecorder(gitlab);
    bus = await startRecorder();
    deadPort = await freePort();
    shop = await openWorkshop(({ dir, git }) => ({
      project: 'shop',
      repositories: {
        hub: {
          type: 'git',
          url: git,
          forge: 'github',
          poll: '1d',
          report: { token: { file: 'hub.token' }, api: hub.url, project: 'acme/shop' },
        },
        lab: {
          type: 'git',
          url: git,
          forge: 'gitlab',
          poll: '1d',
          report: { token: { environment: 'LAB_TOKEN' }, api: lab.url, project: 'group/sub/shop' },
        },
      },
      branches: [
        { repository: 'hub', branch: 'servers/production', clusters: ['production'] },
        { repository: 'lab', branch: 'servers/demo', clusters: ['demo'] },
      ],
      clusters: {
        production: {
          servers: [1, 2].map((i) => ({ name: `web${i}`, path: join(dir, `servers/web${i}`) })),
          verify: { heartbeat: '! test -e broken', timeout: '200ms' },
        },
        demo: { servers: [{ name: 'demo1', path: join(dir, 'servers/demo1') }] },
      },
      notices: {
        page: 'https://deploy.example.org/',
        allow: ['127.0.0.0/8'],
        targets: {
          bus: {
            kind: 'webhook',
            url: { file: 'bus.url' },
            clusters: ['prod*'],
            states: ['asked', 'began', 'succeeded', 'rolled-back', 'refused'],
          },
          dead: { kind: 'slack', url: { file: 'dead.url' } },
        },
      },
    }));
    await writeFile(join(shop.dir, 'hub.token'), 'hub-secret-token\n');
    await writeFile(join(shop.dir, 'bus.url'), `${bus.url}/in\n`);
    await writeFile(join(shop.dir, 'dead.url'), `http://127.0.0.1:${deadPort}/services/T0/dead-secret\n`);
    await shop.start(undefined, { LAB_TOKEN: 'lab-secret-token' });
    await shop.lockstep(['hooks', 'install', shop.git, '--repository', 'hub']);
  }, 60_000);

  afterAll(async () => {
    await shop.close();
    for (const one of [hub, lab, bus]) await one.stop();
  });

  const busStates = (): string[] => bus.told.map(({ json }) => String(json['type']));
  const statuses = (recorder: Recorder): unknown[] =>
    recorder.told.filter(({ path }) => path.includes('/statuses')).map(({ json }) => json['state']);

  test('is a deployment with its statuses at GitHub, and a notice for each state', async () => {
    const revision = await shop.commit({ 'index.html': 'one\n' });
    await shop.push('HEAD:servers/production');
    await untilLive(shop, 'production', revision);
    await until(() => statuses(hub).includes('success'), { what: 'GitHub is told of the success' });
    const [find, create] = hub.told;
    expect(find).toMatchObject({ method: 'GET', path: `/repos/acme/shop/deployments?sha=${revision}&environment=production&per_page=5` });
    expect(create).toMatchObject({
      method: 'POST',
      path: '/repos/acme/shop/deployments',
      headers: { authorization: 'Bearer hub-secret-token', accept: 'application/vnd.github+json' },
      json: { ref: revision, environment: 'production', auto_merge: false, required_contexts: [], payload: { lockstep: 'shop/1' } },
    });
    expect(statuses(hub)).toEqual(['queued', 'in_progress', 'success']);
    expect(hub.told.at(-1)).toMatchObject({
      path: '/repos/acme/shop/deployments/7001/statuses',
      json: {
        log_url: 'https://deploy.example.org/deployments/1',
        description: 'production: succeeded (deployment 1)',
        environment: 'production',
      },
    });
    await until(() => busStates().length === 3, { what: 'the program is told' });
    expect(busStates()).toEqual(['lockstep.asked', 'lockstep.began', 'lockstep.succeeded']);
    expect(bus.told[2]?.json['data']).toMatchObject({
      revision,
      author: 'Yuri Popoff',
      message: 'A change',
      link: 'https://deploy.example.org/deployments/1',
    });
  });

  test('is a deployment and statuses of the commit at GitLab', async () => {
    const revision = await shop.commit({ 'index.html': 'demo\n' });
    await shop.push('HEAD:servers/demo');
    await shop.lockstep(['deploy', 'demo', '--wait']);
    await until(() => statuses(lab).includes('success'), { what: 'GitLab is told of the success' });
    await until(() => lab.told.some(({ method, json }) => method === 'PUT' && json['status'] === 'success'), {
      what: 'the deployment is over',
    });
    expect(statuses(lab)).toEqual(['pending', 'running', 'success']);
    const told = lab.told.filter(({ path }) => path.includes('/deployments'));
    expect(told.map(({ method, path }) => `${method} ${path}`)).toEqual([
      'POST /projects/group%2Fsub%2Fshop/deployments',
      'PUT /projects/group%2Fsub%2Fshop/deployments/88',
    ]);
    expect(told[0]).toMatchObject({
      headers: { 'private-token': 'lab-secret-token' },
      json: { environment: 'demo', sha: revision, ref: 'servers/demo', status: 'running' },
    });
  });

  test('that fails verification is told with its reason, while the forge is away; a new daemon sends what is left, once', async () => {
    hub.answer(() => ({ status: 503 }));
    hub.told.splice(0);
    bus.told.splice(0);
    await shop.commit({ broken: 'yes\n' });
    await shop.push('HEAD:servers/production');
    await until(() => busStates().includes('lockstep.rolled-back'), { what: 'the roll back is told', timeoutMs: 40_000 });
    expect(bus.told.at(-1)?.json['data']).toMatchObject({
      reason: expect.stringContaining('heartbeat'),
      failed: { servers: expect.arrayContaining(['web1']) },
    });
    await until(() => hub.told.length > 0, { what: 'GitHub is tried' });
    // What was told, but not yet written down as told, would come once more, under the same id.
    const isWrittenDown = async () => (await shop.json<NoticesView>('notices')).targets.find(({ name }) => name === 'bus')?.waiting === 0;
    await until(isWrittenDown, { what: 'the webhook is known to be told' });
    await shop.stop('SIGKILL');
    hub.answer(github);
    hub.told.splice(0);
    bus.told.splice(0);
    await shop.start(undefined, { LAB_TOKEN: 'lab-secret-token' });
    await until(() => statuses(hub).includes('failure'), { what: 'GitHub is told of the failure', timeoutMs: 60_000 });
    expect(statuses(hub)).toEqual(['queued', 'in_progress', 'failure']);
    expect(bus.told).toEqual([]);
  });

  test('and whoever does not answer changes nothing but the list of what did not arrive', async () => {
    const { targets, notices } = await shop.json<NoticesView>('notices');
    expect(targets.map(({ name, kind, waiting }) => ({ name, kind, waiting }))).toEqual([
      { name: 'bus', kind: 'webhook', waiting: 0 },
      { name: 'dead', kind: 'slack', waiting: 3 },
      { name: 'report:hub', kind: 'github', waiting: 0 },
      { name: 'report:lab', kind: 'gitlab', waiting: 0 },
    ]);
    expect(notices.map(({ target, summary }) => `${target} ${summary}`)).toEqual([
      'dead production: ROLLED BACK (deployment 3)',
      'dead demo: succeeded (deployment 2)',
      'dead production: succeeded (deployment 1)',
    ]);
    const { code, stderr } = await shop.lockstep(['notices', 'test', 'dead']);
    expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringContaining(`127.0.0.1:${deadPort}: ECONNREFUSED`) });
    expect((await shop.lockstep(['notices', 'test', 'bus'])).stdout).toContain('bus (webhook) has taken the test notice');

    // Somebody listens there again.
    const late = await startRecorder(() => ({ body: 'ok' }), deadPort);
    for (const { id } of notices) await shop.lockstep(['notices', 'retry', String(id)]);
    await until(async () => (await shop.json<NoticesView>('notices')).notices.length === 0, { what: 'all is delivered' });
    await late.stop();
    const said = late.told.map(({ json }) => String(json['text'])).join('\n');
    expect(said).toContain('production: ROLLED BACK (deployment 3) servers/production');
    expect(`${await shop.log()}${JSON.stringify(notices)}`).not.toMatch(/dead-secret|secret-token/);
  });
});
