import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { join } from 'node:path';
import { createWorkspace, minimal } from './workspace.ts';
import type { Workspace } from './workspace.ts';

let workspace: Workspace;
beforeAll(async () => {
  workspace = await createWorkspace();
});
afterAll(() => workspace.remove());

const target = (settings: unknown): unknown => minimal({ notices: { targets: { team: settings } } });
const problems = async (value: unknown): Promise<string> => (await workspace.problems(value)).join('\n');

describe('notices', () => {
  test('go to nobody if the file does not say so', async () => {
    expect((await workspace.load(minimal())).configuration.notices).toEqual({ page: null, allow: [], targets: [] });
  });

  test('have usual states and rates, and references that count from the file', async () => {
    const url = { file: 'secrets/slack' };
    const { configuration } = await workspace.load(target({ kind: 'slack', url, template: ['{cluster}', '{state}'], digest: '5m' }));
    expect(configuration.notices.targets).toEqual([
      {
        name: 'team',
        kind: 'slack',
        url: { file: join(workspace.directory, 'secrets/slack') },
        clusters: ['*'],
        states: ['succeeded', 'failed', 'rolled-back', 'aborted', 'needs-operator', 'refused', 'drift-found'],
        template: '{cluster}\n{state}',
        perMinute: 30,
        digestMs: 300_000,
      },
    ]);
  });

  test.each([
    [{ kind: 'slack' }, 'notices.targets.team.url: is missing; a target of the kind slack needs it'],
    [{ kind: 'slack', url: { file: 'x' }, chat: '1' }, 'notices.targets.team.chat: is not for the kind slack'],
    [{ kind: 'pager' }, 'allowed: "slack"'],
    [{ kind: 'slack', url: { file: 'x' }, states: ['finished'] }, 'notices.targets.team.states[0]'],
    [{ kind: 'slack', url: { file: 'x' }, template: '{claster}' }, '{claster} is unknown; allowed: {project}, '],
    [{ kind: 'email', server: 'mail.example.org', from: 'a', to: ['b'] }, 'is not an address such as "smtp://mail.example.org:587"'],
    [{ kind: 'email', server: 'smtp://mail.example.org', from: 'a', to: ['b'], user: 'x' }, 'must have both of user and password, or none'],
  ])('that are wrong are named: %j', async (settings, expected) => {
    expect(await problems(target(settings))).toContain(expected);
  });

  test('a secret that was written down is not repeated', async () => {
    const told = await problems(target({ kind: 'slack', url: 'https://hooks.slack.com/services/T0/B0/secret' }));
    expect(told).toContain('must be {"file": "…"}');
    expect(told).not.toContain('hooks.slack.com');
  });

  test('of a forge need one that can be told', async () => {
    const withForge = (forge: object): unknown =>
      minimal({ repositories: { shop: { type: 'git', url: 'git@example.org:a/shop.git', report: { token: { file: 'x' } }, ...forge } } });
    expect(await problems(withForge({}))).toContain('repositories.shop.report: needs "forge" beside it');
    expect(await problems(withForge({ forge: 'gogs' }))).toContain('is not for gogs, which cannot be told of deployments');
    expect(await problems(withForge({ forge: 'gitea' }))).toBe('');
  });
});
