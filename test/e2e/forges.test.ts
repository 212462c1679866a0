// Forges, from the webhook to the servers: a signed delivery deploys, and every delivery says why it did or did not.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { join } from 'node:path';
import type { DeliveryView, HookAnswer } from '../../src/core/views.ts';
import { fixture, proofHeaders, standardHeaders } from '../forge/deliveries.ts';
import { openWorkshop, untilLive } from '../lab/workshop.ts';
import type { Workshop } from '../lab/workshop.ts';
import { until } from '../lab/until.ts';

type Secret = { secret: string; url: string; inForce: number; lines: string[] };

describe('a repository on a forge', () => {
  let shop: Workshop;
  const secrets = new Map<string, Secret>();

  beforeAll(async () => {
    shop = await openWorkshop(({ dir, git }) => ({
      project: 'shop',
      // The same repository under two names, as if GitHub and GitLab had it. No poll comes to help.
      repositories: {
        hub: { type: 'git', url: git, forge: 'github', poll: '1d' },
        lab: { type: 'git', url: git, forge: 'gitlab', poll: '1d', hookSources: ['127.0.0.0/8'] },
        far: { type: 'git', url: 'git@127.0.0.1:acme/far.git', forge: 'github', poll: '1d', hookSources: ['192.0.2.0/24'] },
      },
      branches: [
        { repository: 'hub', branch: 'servers/production', clusters: ['production'] },
        { repository: 'hub', branch: 'servers/staging', clusters: ['staging'] },
        { repository: 'lab', branch: 'servers/demo', clusters: ['demo'] },
      ],
      clusters: Object.fromEntries(
        ['production', 'staging', 'demo'].map((name) => [
          name,
          { environment: 'test', servers: [1, 2].map((i) => ({ name: `web${i}`, path: join(dir, `servers/${name}${i}`) })) },
        ]),
      ),
    }));
    await shop.start();
    for (const name of ['hub', 'lab', 'far']) secrets.set(name, await shop.json<Secret>('hooks', 'secret', name));
  });

  afterAll(() => shop.close());

  const secretOf = (name: string): string => secrets.get(name)?.secret ?? '';
  const post = async (name: string, headers: Record<string, string>, body: string): Promise<{ status: number; answer: HookAnswer }> => {
    const response = await fetch(`${shop.url}/hooks/${name}`, { method: 'POST', headers, body });
    return { status: response.status, answer: (await response.json()) as HookAnswer };
  };
  let count = 0;
  const fromGitHub = (changes: object, event = 'push', secret = secretOf('hub'), name = 'hub') => {
    const { headers, payload } = fixture('github-push');
    const body = JSON.stringify({ ...payload, ...changes });
    const own = { 'x-github-event': event, 'x-github-delivery': `delivery-${(count += 1)}` };
    return post(name, { ...headers, ...proofHeaders('github', body, secret), ...own }, body);
  };
  const deliveries = async (...args: string[]): Promise<DeliveryView[]> =>
    (await shop.json<{ deliveries: DeliveryView[] }>('deliveries', ...args)).deliveries;

  test('gets the secret, the address and the place to enter them', () => {
    expect(secrets.get('hub')).toMatchObject({ url: `${shop.url}/hooks/hub`, inForce: 1 });
    expect(secrets.get('hub')?.lines.join('\n')).toContain(`Payload URL: ${shop.url}/hooks/hub`);
    expect(secrets.get('lab')?.lines.join('\n')).toContain('Secret token');
  });

  test('deploys a push that GitHub signed, whatever the payload says the revision is', async () => {
    const revision = await shop.commit({ 'index.html': 'one\n' });
    await shop.push('HEAD:servers/production');
    const { status, answer } = await fromGitHub({ ref: 'refs/heads/servers/production', after: 'f'.repeat(40) });
    expect(status).toBe(202);
    expect(answer.decisions).toHaveLength(1);
    expect(answer.decisions[0]).toMatchObject({ ref: 'servers/production' });
    await untilLive(shop, 'production', revision);
    expect((await deliveries('--limit', '1'))[0]).toMatchObject({
      repository: 'hub',
      source: 'github',
      actor: 'ann',
      summary: expect.stringMatching(/^servers\/production → production: deployment \d+$/),
      decisions: [{ revision, cluster: 'production' }],
    });
  });

  test('deploys a push that GitLab tells with its token, or with its signing token', async () => {
    const { headers, payload } = fixture('gitlab-push');
    const body = JSON.stringify({ ...payload, ref: 'refs/heads/servers/demo' });
    const first = await shop.commit({ 'index.html': 'two\n' });
    await shop.push('HEAD:servers/demo');
    expect((await post('lab', { ...headers, 'x-gitlab-token': secretOf('lab') }, body)).status).toBe(202);
    await untilLive(shop, 'demo', first);

    const second = await shop.commit({ 'index.html': 'three\n' });
    await shop.push('HEAD:servers/demo');
    const key = Buffer.from(secretOf('lab').slice('whsec_'.length), 'base64');
    const signed = { ...headers, 'idempotency-key': 'second', ...standardHeaders(body, key, Date.now(), 'second') };
    expect((await post('lab', signed, body)).status).toBe(202);
    await untilLive(shop, 'demo', second);
  });

  test('says why nothing happens: a tag, a pull request, a branch that is gone, one that nobody configured', async () => {
    await fromGitHub({ ref: 'refs/tags/v1' });
    await fromGitHub({ action: 'opened' }, 'pull_request');
    await fromGitHub({ ref: 'refs/heads/feature/x' });
    await fromGitHub({ ref: 'refs/heads/servers/nowhere', after: '0'.repeat(40), deleted: true });
    expect((await fromGitHub({}, 'ping')).answer).toEqual({ pong: true });
    const isDecided = async (): Promise<boolean> =>
      (await deliveries('--repository', 'hub', '--limit', '4')).every(({ state }) => state === 'decided');
    await until(isDecided, { what: 'all are looked into' });
    expect((await deliveries('--repository', 'hub', '--limit', '4')).map(({ summary }) => summary).reverse()).toEqual([
      'refs/tags/v1: ignored, only branches deploy, and this is a tag',
      "(none): ignored, GitHub's event pull_request deploys nothing, only pushes do",
      'feature/x: ignored, no cluster is configured for branch "feature/x" of hub',
      'servers/nowhere: ignored, no cluster is configured for branch "servers/nowhere" of hub',
    ]);
  });

  test('answers a delivery that is sent again as before, and looks once more only when somebody asks for it', async () => {
    const { headers, payload } = fixture('github-push');
    const body = JSON.stringify({ ...payload, ref: 'refs/heads/servers/staging' });
    const sent = { ...headers, ...proofHeaders('github', body, secretOf('hub')), 'x-github-delivery': 'again' };
    await post('hub', sent, body);
    await until(async () => (await deliveries('--limit', '1'))[0]?.state === 'decided', { what: 'it is decided' });
    expect((await deliveries('--limit', '1'))[0]?.summary).toContain('does not exist');

    const revision = await shop.commit({ 'index.html': 'four\n' });
    await shop.push('HEAD:servers/staging');
    const again = await post('hub', sent, body);
    expect(again).toMatchObject({ status: 200, answer: { repeated: true } });
    const { code, stdout } = await shop.lockstep(['deliveries', 'replay', 'again']);
    expect({ code, stdout }).toMatchObject({ code: 0, stdout: expect.stringMatching(/servers\/staging → staging: deployment \d+/) });
    await untilLive(shop, 'staging', revision);
    expect((await deliveries('--limit', '1'))[0]).toMatchObject({ id: 'again', replayedBy: expect.any(String) });
  });

  test('keeps nothing of what it refuses, from a wrong secret or from an address that is not listed', async () => {
    const before = (await deliveries()).length;
    const wrong = await fromGitHub({}, 'push', secretOf('lab'));
    const foreign = await fromGitHub({}, 'push', secretOf('far'), 'far');
    const unknown = await fromGitHub({}, 'push', secretOf('hub'), 'nobody');
    expect([wrong, foreign, unknown]).toEqual(Array(3).fill({ status: 401, answer: wrong.answer }));
    expect(await deliveries()).toHaveLength(before);
    const token = await import('node:fs/promises').then((fs) => fs.readFile(join(shop.data, 'token'), 'utf8'));
    const metrics = await (await fetch(`${shop.url}/metrics`, { headers: { authorization: `Bearer ${token.trim()}` } })).text();
    expect(metrics).toContain('lockstep_notices_refused_total{repository="far",reason="source"} 1\n');
  });

  test('takes the old secret and the new one while it is rotated, and then the new one only', async () => {
    const old = secretOf('hub');
    const { secret, inForce } = await shop.json<Secret>('hooks', 'secret', 'hub', '--rotate');
    expect({ inForce, isNew: secret !== old }).toEqual({ inForce: 2, isNew: true });
    expect((await fromGitHub({}, 'ping', old)).status).toBe(200);
    expect((await fromGitHub({}, 'ping', secret)).status).toBe(200);
    await shop.json<Secret>('hooks', 'secret', 'hub', '--retire');
    expect((await fromGitHub({}, 'ping', old)).status).toBe(401);
    expect((await fromGitHub({}, 'ping', secret)).status).toBe(200);
  });
});

test('a webhook of another repository that has our address is told so, and does no harm', async () => {
  const shop = await openWorkshop(({ dir }) => ({
    project: 'shop',
    repositories: { shop: { type: 'git', url: 'ssh://git@127.0.0.1:1/acme/portal.git', forge: 'github', poll: '1d' } },
    branches: [{ repository: 'shop', branch: 'servers/demo', clusters: ['demo'] }],
    clusters: { demo: { servers: [{ name: 'web1', path: join(dir, 'web1') }] } },
  }));
  try {
    await shop.start();
    const { secret, url } = await shop.json<Secret>('hooks', 'secret', 'shop');
    const { headers, payload } = fixture('github-push');
    const body = JSON.stringify(payload);
    await fetch(url, { method: 'POST', headers: { ...headers, ...proofHeaders('github', body, secret) }, body });
    const summary = async (): Promise<string> =>
      (await shop.json<{ deliveries: DeliveryView[] }>('deliveries')).deliveries[0]?.summary ?? '';
    await until(async () => (await summary()).includes('(repository)'), { timeoutMs: 30_000, what: 'the delivery is decided' });
    expect(await summary()).toContain(
      'the delivery is about https://github.com/acme/shop.git, but shop is ssh://git@127.0.0.1:1/acme/portal.git',
    );
  } finally {
    await shop.close();
  }
});
