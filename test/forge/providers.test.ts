// What each forge says, and what is understood of it.
import { describe, expect, test } from '@jest/globals';
import type { Change } from '../../src/core/repository.ts';
import { hookReader } from '../../src/forge/hook-reader.ts';
import { allFixtures, fixture } from './deliveries.ts';
import type { Fixture } from './deliveries.ts';

const NOW = 1_772_362_800_000;
const read = ({ forge, headers, payload }: Pick<Fixture, 'forge' | 'headers' | 'payload'>, body = JSON.stringify(payload)) =>
  hookReader.read({ repository: 'shop', forge, headers, body: Buffer.from(body), receivedAt: NOW });
const change = (name: string): Change => {
  const found = read(fixture(name));
  if ('ping' in found) throw new Error(`${name} is a ping`);
  return found;
};
const up = (...refs: string[]) => refs.map((ref) => ({ ref, deleted: false }));
const gone = (...refs: string[]) => refs.map((ref) => ({ ref, deleted: true }));

describe('refs', () => {
  test.each([
    ['github-push', up('servers/production')],
    ['github-create-branch', up('servers/yuri.popoff')],
    ['github-delete-branch', gone('servers/demo')],
    ['github-tag', up('refs/tags/v1.0')],
    ['github-create-event-tag', up('refs/tags/v1.0')],
    ['github-delete-event', gone('servers/demo')],
    ['gitlab-push', up('servers/production')],
    ['gitlab-delete', gone('servers/demo')],
    ['gitlab-tag', up('refs/tags/v1.0')],
    ['gitlab-system-update', up('servers/staging', 'servers/production')],
    ['gitea-push', up('servers/production')],
    ['gitea-test', up('servers/production')],
    ['gitea-create-tag', up('refs/tags/v1.0')],
    ['gitea-delete', gone('servers/demo')],
    ['forgejo-push', up('servers/production')],
    ['forgejo-push-branch', up('servers/yuri.popoff')],
    ['gogs-push', up('servers/production')],
    ['gogs-tag-short', up('v1.0')],
    ['gogs-create', up('servers/yuri.popoff')],
    [
      'bitbucket-cloud-push',
      [...up('servers/staging', 'servers/production', 'refs/tags/v1.0'), ...gone('servers/demo'), ...up('servers/yuri.popoff')],
    ],
    ['bitbucket-server-push', [...up('servers/production', 'servers/yuri.popoff'), ...gone('servers/demo'), ...up('refs/tags/v1.0')]],
    ['bitbucket-server-push-older', up('servers/production')],
    ['azure-devops-push', [...up('servers/staging', 'servers/production'), ...gone('servers/demo'), ...up('refs/tags/v1.0')]],
    ['azure-devops-push-minimal', []],
    ['azure-devops-sample', up('master')],
    ['gerrit-ref-updated', up('servers/production')],
    ['gerrit-ref-updated-short', gone('servers/demo')],
    ['gerrit-batch-ref-updated', up('servers/staging', 'servers/production')],
    ['gitee-push', up('servers/production')],
    ['gitee-delete', gone('servers/demo')],
    ['gitee-tag', up('refs/tags/v1.0')],
  ])('of %s are all there', (name, refs) => {
    expect(change(name)).toMatchObject({ repository: 'shop', source: fixture(name).forge });
    expect(change(name).refs.map(({ ref, deleted }) => ({ ref, deleted }))).toEqual(refs);
    expect(change(name).ignored).toBeUndefined();
  });

  const HEAD = '0d1a26e67d8f5eaf1f6ba5c57fc3c7d91ac0fd1c';
  test.each([
    ['github-push', [HEAD]],
    ['github-delete-branch', [undefined]],
    ['gitlab-push', [HEAD]],
    ['gitlab-system-update', [HEAD, HEAD]],
    ['gitea-push', [HEAD]],
    ['forgejo-push', [HEAD]],
    ['gogs-push', [HEAD]],
    ['gogs-create', [HEAD]],
    ['bitbucket-cloud-push', [HEAD, HEAD, HEAD, undefined, HEAD]],
    ['bitbucket-server-push', [HEAD, HEAD, undefined, HEAD]],
    ['azure-devops-push', [HEAD, HEAD, undefined, HEAD]],
    ['gerrit-ref-updated', [HEAD]],
    ['gerrit-batch-ref-updated', [HEAD, HEAD]],
    ['gitee-push', [HEAD]],
  ])('of %s are told with where each was moved to', (name, revisions) => {
    expect(change(name).refs.map(({ revision }) => revision)).toEqual(revisions);
  });

  test('are told without it when it is no object id', () => {
    const one = fixture('github-push');
    for (const after of ['HEAD', HEAD.slice(1), HEAD.toUpperCase(), `${HEAD}\n`, 5, null]) {
      expect(read({ ...one, payload: { ...one.payload, after } })).toMatchObject({ refs: [{ ref: 'servers/production', deleted: false }] });
      expect((read({ ...one, payload: { ...one.payload, after } }) as Change).refs[0]).not.toHaveProperty('revision');
    }
  });
});

test.each(['github-ping', 'bitbucket-server-ping'])('%s is a ping', (name) => {
  expect(read(fixture(name))).toEqual({ ping: true });
});

test.each([
  ['github-pull-request', "GitHub's event pull_request deploys nothing, only pushes do"],
  ['gitlab-merge-request', "GitLab's event merge_request deploys nothing, only pushes do"],
  ['gitea-issues', "Gitea's event issues deploys nothing, only pushes do"],
  ['forgejo-release', "Forgejo's event release deploys nothing, only pushes do"],
  ['gogs-fork', "Gogs's event fork deploys nothing, only pushes do"],
  ['bitbucket-cloud-pull-request', "Bitbucket's event pullrequest:created deploys nothing, only pushes do"],
  ['bitbucket-server-comment', "Bitbucket's event repo:comment:added deploys nothing, only pushes do"],
  ['azure-devops-tfvc', "Azure DevOps's event tfvc.checkin deploys nothing, only pushes do"],
  ['gerrit-change-merged', "Gerrit's event change-merged deploys nothing, only pushes do"],
  ['gitee-issue', "Gitee's event Issue Hook deploys nothing, only pushes do"],
])('%s is ignored, and says why', (name, reason) => {
  expect(change(name)).toMatchObject({ refs: [], ignored: reason });
});

test('every fixture is read in one of the tests above', () => {
  const kinds = allFixtures().map((one) => {
    const found = read(one);
    return 'ping' in found ? 'ping' : found.ignored === undefined ? 'push' : 'ignored';
  });
  expect(kinds.filter((kind) => kind === 'push')).toHaveLength(31);
  expect(kinds.filter((kind) => kind === 'ignored')).toHaveLength(10);
  expect(kinds.filter((kind) => kind === 'ping')).toHaveLength(2);
});

describe('who pushed and where', () => {
  test.each([
    ['github-push', 'ann', 'https://github.com/acme/shop.git'],
    ['gitlab-push', 'ann', 'https://gitlab.example.org/acme/shop.git'],
    ['gitea-push', 'ann', 'ssh://gitea.example.org:2222/acme/shop.git'],
    ['bitbucket-cloud-push', 'ann', 'https://bitbucket.org/acme/shop.git'],
    ['bitbucket-server-push', 'ann', 'https://bitbucket.example.org/scm/acme/shop.git'],
    ['azure-devops-push', 'ann@example.org', 'https://dev.azure.com/acme/web/_git/shop'],
    ['gitee-push', 'ann', 'svn://gitee.com/acme/shop'],
  ])('is known from %s', (name, actor, url) => {
    expect(change(name).actor).toBe(actor);
    expect(change(name).about).toContain(url);
  });

  test('is nobody and nowhere when the forge does not say it', () => {
    expect(change('bitbucket-server-push-older')).not.toHaveProperty('about');
    expect(read({ forge: 'github', headers: { 'x-github-event': 'push' }, payload: { ref: 'refs/heads/a' } })).toMatchObject({
      actor: null,
      refs: up('a'),
    });
  });

  test('keeps no password that stands in a URL', () => {
    const { headers, forge, payload } = fixture('github-push');
    const repository = { clone_url: 'https://ann:hunter2@github.com/acme/shop.git' };
    expect(JSON.stringify(read({ forge, headers, payload: { ...payload, repository } }))).not.toContain('hunter2');
  });
});

describe('a delivery', () => {
  test.each([
    ['github-push', '72d3162e-cc78-11e3-81ab-4c9367dc0958'],
    ['gitlab-push', 'b2eecd3a-3ac9-489b-81d6-462ec4881ea5'],
    ['gitea-push', 'f6266f16-1bf3-46a5-9ea4-602e06ead473'],
    ['forgejo-push', '2a0ac7a4-0f70-4a2c-9b8d-3c6f0a6f2c11'],
    ['gogs-push', '4dc3ce7d-bb9b-4fd1-a3e1-e3c4a3d4d6e1'],
    ['bitbucket-cloud-push', '4ab1e1c9-6c2a-4f83-9d0e-aa1f4f6b0b0d'],
    ['bitbucket-server-push', 'bf6c9e3a-9f2c-4d2a-8f0e-6f7b2f0b9a11'],
    ['azure-devops-push', '03c164c2-8912-4d5e-8009-3707d5f83734'],
  ])('of %s has the id that the forge gave it', (name, id) => {
    expect(change(name).delivery).toBe(id);
  });

  test('without an id of its own is known again by its content only at the same moment: a branch may go to a commit twice', () => {
    const { forge, headers, payload } = fixture('gerrit-ref-updated');
    const at = (receivedAt: number) =>
      hookReader.read({ repository: 'shop', forge, headers, body: Buffer.from(JSON.stringify(payload)), receivedAt });
    expect(at(NOW)).toEqual(at(NOW));
    expect((at(NOW) as Change).delivery).not.toBe((at(NOW + 1) as Change).delivery);
  });

  test('of Gitee is told by its millisecond, ref and revision', () => {
    expect(change('gitee-push').delivery).toMatch(/^[0-9a-f]{32}$/);
    expect(change('gitee-push').delivery).not.toBe(change('gitee-delete').delivery);
  });

  test('with an id that no id looks like gets one of ours', () => {
    const { forge, headers, payload } = fixture('github-push');
    const odd = read({ forge, headers: { ...headers, 'x-github-delivery': 'é '.repeat(500) }, payload }) as Change;
    expect(odd.delivery).toMatch(/^[0-9a-f]{32}$/);
  });

  test('that comes as a form says the same', () => {
    for (const one of allFixtures().filter(({ forge }) => forge !== 'azure-devops' && forge !== 'gerrit')) {
      const form = new URLSearchParams({ payload: JSON.stringify(one.payload) }).toString();
      const headers = { ...one.headers, 'content-type': 'application/x-www-form-urlencoded' };
      expect({ ...read({ ...one, headers }, form), delivery: '' }).toEqual({ ...read(one), delivery: '' });
    }
    const older = { ...fixture('gitee-push').headers, 'content-type': 'application/x-www-form-urlencoded' };
    const hook = new URLSearchParams({ hook: JSON.stringify(fixture('gitee-push').payload) }).toString();
    expect(read({ ...fixture('gitee-push'), headers: older }, hook)).toEqual(change('gitee-push'));
    expect(() => read({ ...fixture('gitee-push'), headers: older }, 'a=b')).toThrow(/a form without a field "payload"/);
  });

  test('that lacks any one field, or has another kind of thing there, is still read', () => {
    for (const one of allFixtures()) {
      for (const key of Object.keys(one.payload)) {
        for (const value of [undefined, null, 5, 'x', [], {}, [null], [[]], { length: 3 }]) {
          const payload = { ...one.payload, [key]: value };
          try {
            read({ ...one, payload });
          } catch (error) {
            expect({ name: one.name, key, error }).toMatchObject({ error: { code: 'refused' } });
          }
        }
      }
    }
  });

  test('with thousands of commits is read by its refs', () => {
    const one = fixture('github-push');
    const commits = Array.from({ length: 2048 }, () => (one.payload['commits'] as unknown[])[0]);
    expect(read({ ...one, payload: { ...one.payload, commits } })).toEqual(read(one));
  });

  test('with more refs than can be recorded one by one says that anything may have changed', () => {
    const one = fixture('azure-devops-push');
    const refUpdates = Array.from({ length: 1001 }, (_, i) => ({ name: `refs/heads/b${i}`, newObjectId: 'a'.repeat(40) }));
    expect(read({ ...one, payload: { ...one.payload, resource: { refUpdates } } })).toMatchObject({ refs: [] });
  });

  test('that was too large to be kept says that anything may have changed', () => {
    const { forge, headers } = fixture('github-push');
    expect(hookReader.read({ repository: 'shop', forge, headers, body: null, receivedAt: NOW })).toMatchObject({
      refs: [],
      delivery: headers['x-github-delivery'],
    });
  });
});

describe('a setting that does not fit what comes', () => {
  test('is told in a line, and decides nothing', () => {
    for (const { name, forge, headers } of allFixtures()) {
      expect({ name, odd: hookReader.oddity(forge, headers) }).toEqual({ name, odd: null });
    }
    const gitea = fixture('gitea-push').headers;
    expect(hookReader.oddity('github', gitea)).toBe(
      'it looks like a delivery of Gitea, and the repository has "forge": "github" in the configuration',
    );
    expect(hookReader.oddity(null, gitea)).toContain('needs "forge": "gitea"');
    expect(hookReader.oddity(null, {})).toBeNull();
  });
});
