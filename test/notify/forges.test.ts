// What each forge is told, request by request, and where its API is found.
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Forge } from '../../src/core/forge.ts';
import type { NoticeState } from '../../src/core/notice.ts';
import type { Store } from '../../src/core/ports.ts';
import type { Repository } from '../../src/core/repository.ts';
import { compareUrl, reportPlace } from '../../src/notify/forges/place.ts';
import { reportAddressees } from '../../src/notify/forges/reporters.ts';
import { openStore } from '../../src/store/sqlite.ts';
import { sampleRepository } from '../lab/samples.ts';
import { startRecorder } from '../lab/recorder.ts';
import type { Recorder } from '../lab/recorder.ts';
import { deliveryTools, inEnvironment, sampleNotice } from './sample.ts';

const repository = (forge: Forge, url: string, more: Partial<Repository> = {}): Repository => ({
  ...sampleRepository,
  name: 'shop',
  forge,
  url,
  ...more,
});

describe('the API and the project of a repository', () => {
  test.each([
    ['github', 'git@github.com:acme/shop.git', 'https://api.github.com', 'acme/shop'],
    ['github', 'ssh://git@ssh.github.com:443/acme/shop.git', 'https://api.github.com', 'acme/shop'],
    ['github', 'https://github.example.org/acme/shop', 'https://github.example.org/api/v3', 'acme/shop'],
    ['gitlab', 'https://gitlab.com/group/sub/shop.git', 'https://gitlab.com/api/v4', 'group/sub/shop'],
    ['gitlab', 'ssh://git@git.example.org:2222/group/shop.git', 'https://git.example.org/api/v4', 'group/shop'],
    ['forgejo', 'https://codeberg.org/acme/shop.git', 'https://codeberg.org/api/v1', 'acme/shop'],
    ['gitea', 'http://10.0.0.5:3000/acme/shop.git', 'http://10.0.0.5:3000/api/v1', 'acme/shop'],
    ['bitbucket-cloud', 'git@bitbucket.org:acme/shop.git', 'https://api.bitbucket.org/2.0', 'acme/shop'],
    ['bitbucket-server', 'https://git.example.org:7990/scm/PRJ/shop.git', 'https://git.example.org:7990/rest/api/latest', 'PRJ/shop'],
    ['bitbucket-server', 'ssh://git@git.example.org:7999/PRJ/shop.git', 'https://git.example.org/rest/api/latest', 'PRJ/shop'],
  ] as const)('of %s at %s', (forge, url, api, project) => {
    expect(reportPlace(repository(forge, url))).toEqual({ api, project });
  });

  test('must be said for a repository whose URL is a path', () => {
    expect(reportPlace(repository('github', '/srv/git/shop.git'))).toBeNull();
    const report = { token: { file: 'x' }, api: 'https://api.example.org', project: 'acme/shop' };
    expect(reportPlace(repository('github', '/srv/git/shop.git', { report }))).toEqual({
      api: 'https://api.example.org',
      project: 'acme/shop',
    });
  });

  test('lead to the page that shows what changed', () => {
    expect(compareUrl(repository('github', 'git@github.com:acme/shop.git'), 'a1', 'b2')).toBe(
      'https://github.com/acme/shop/compare/a1...b2',
    );
    expect(compareUrl(repository('gitlab', 'https://gitlab.com/g/s.git'), 'a1', 'b2')).toBe('https://gitlab.com/g/s/-/compare/a1...b2');
    expect(compareUrl(repository('gerrit', 'https://review.example.org/shop'), 'a1', 'b2')).toBeNull();
  });
});

describe('a forge is told of a deployment', () => {
  const revision = sampleNotice().revision ?? '';
  let directory = '';
  let store: Store;
  let recorder: Recorder;
  let deployment = 100;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'lockstep-forges-'));
    store = await openStore(directory);
    recorder = await startRecorder();
  });
  afterEach(() => {
    recorder.told.splice(0);
    recorder.answer(() => ({}));
    deployment += 1;
  });
  afterAll(async () => {
    await recorder.stop();
    await store.close();
    await rm(directory, { recursive: true });
  });

  async function tell(forge: Forge, states: readonly NoticeState[], token = 'T0K'): Promise<string[]> {
    const report = { token: inEnvironment('TEST_FORGE_TOKEN', token), api: recorder.url, project: 'acme/shop' };
    const repositories = new Map([['shop', repository(forge, 'git@example.org:acme/shop.git', { report })]]);
    const configuration = {
      project: 'shop',
      repositories,
      branches: [],
      clusters: new Map(),
      notices: { page: null, allow: [], targets: [] },
    };
    const [addressee] = reportAddressees(configuration, store, deliveryTools());
    for (const state of states) {
      const notice = sampleNotice({ state, deployment, reason: 'disk full\nmore' });
      if (addressee?.wants(notice) === true) await addressee.deliver([notice], AbortSignal.timeout(30_000));
    }
    return recorder.told.map(({ method, path, json }) => `${method} ${path} ${(json['state'] ?? json['status'] ?? '') as string}`.trim());
  }

  test('GitHub: made once, found again after a crash, and told each state', async () => {
    recorder.answer(({ method, path }) => ({ body: method === 'GET' ? '[]' : path.endsWith('/deployments') ? '{"id":5}' : '{}' }));
    expect(await tell('github', ['asked', 'began', 'drift-found', 'failed'])).toEqual([
      `GET /repos/acme/shop/deployments?sha=${revision}&environment=production&per_page=5`,
      'POST /repos/acme/shop/deployments',
      'POST /repos/acme/shop/deployments/5/statuses queued',
      'POST /repos/acme/shop/deployments/5/statuses in_progress',
      'POST /repos/acme/shop/deployments/5/statuses failure',
    ]);
    expect(recorder.told.at(-1)?.json).toMatchObject({ description: `production: FAILED (deployment ${deployment}): disk full` });
    recorder.told.splice(0);
    deployment += 1;
    const payload = JSON.stringify({ lockstep: `shop/${deployment}` });
    recorder.answer(({ method }) => ({
      body:
        method === 'GET'
          ? JSON.stringify([
              { id: 3, payload: {} },
              { id: 6, payload },
            ])
          : '{}',
    }));
    expect((await tell('github', ['succeeded'])).slice(1)).toEqual(['POST /repos/acme/shop/deployments/6/statuses success']);
  });

  test('GitLab: a status from the request on, a deployment from the beginning on', async () => {
    recorder.answer(({ path, json }) => {
      if (path.endsWith('/deployments')) return { body: '{"id":9}' };
      return json['state'] === 'running' ? { status: 400, body: '{"message":"Cannot transition status via :run from :running"}' } : {};
    });
    expect(await tell('gitlab', ['asked', 'began', 'aborted'])).toEqual([
      `POST /projects/acme%2Fshop/statuses/${revision} pending`,
      `POST /projects/acme%2Fshop/statuses/${revision} running`,
      'POST /projects/acme%2Fshop/deployments running',
      `POST /projects/acme%2Fshop/statuses/${revision} canceled`,
      'PUT /projects/acme%2Fshop/deployments/9 canceled',
    ]);
    recorder.told.splice(0);
    deployment += 1;
    expect(await tell('gitlab', ['superseded'])).toEqual([`POST /projects/acme%2Fshop/statuses/${revision} canceled`]);
  });

  test.each([
    ['gitea', `POST /repos/acme/shop/statuses/${revision}`, ['pending', 'pending', 'success'], 'token T0K'],
    ['forgejo', `POST /repos/acme/shop/statuses/${revision}`, ['pending', 'pending', 'success'], 'token T0K'],
    [
      'bitbucket-cloud',
      `POST /repositories/acme/shop/commit/${revision}/statuses/build`,
      ['INPROGRESS', 'INPROGRESS', 'SUCCESSFUL'],
      'Bearer T0K',
    ],
    [
      'bitbucket-server',
      `POST /projects/acme/repos/shop/commits/${revision}/builds`,
      ['INPROGRESS', 'INPROGRESS', 'SUCCESSFUL'],
      'Bearer T0K',
    ],
  ] as const)('%s: a status of the commit', async (forge, request, states, authorization) => {
    expect(await tell(forge, ['asked', 'began', 'succeeded'])).toEqual(states.map((state) => `${request} ${state}`));
    expect(recorder.told[0]?.headers.authorization).toBe(authorization);
    expect(JSON.stringify(recorder.told[0]?.json)).toContain('lockstep/production');
  });

  test('Bitbucket: with the password of an app', async () => {
    await tell('bitbucket-cloud', ['succeeded'], 'ann:app-password');
    expect(recorder.told[0]?.headers.authorization).toBe(`Basic ${Buffer.from('ann:app-password').toString('base64')}`);
  });

  test('whatever it refuses is said without the token', async () => {
    recorder.answer(() => ({ status: 401, body: 'Bad credentials T0K' }));
    await expect(tell('github', ['asked'])).rejects.toMatchObject({ message: `127.0.0.1:${recorder.port} answered 401`, isFinal: true });
  });
});
