// Rules about people, and the words in commits, decided without a daemon.
import { describe, expect, test } from '@jest/globals';
import { ownerActor } from '../../src/core/actor.ts';
import type { Actor } from '../../src/core/actor.ts';
import { COMMIT_COMMANDS, commandsIn } from '../../src/core/commit-commands.ts';
import { isMeant, NO_RULES, refusalOf } from '../../src/core/permission.ts';
import type { Permissions } from '../../src/core/permission.ts';
import { pushWishes } from '../../src/core/push-options.ts';

const actor = (kind: Actor['kind'], name: string, more: Partial<Actor> = {}): Actor => ({
  ...ownerActor(name, null),
  kind,
  role: 'deployer',
  ...more,
});

describe('a rule', () => {
  const permissions: Permissions = {
    rules: [
      { who: ['team:shop', 'token:ci'], may: ['deploy'], clusters: ['sandbox-*'] },
      { who: ['role:operator'], may: ['rollback'], clusters: ['*'] },
    ],
    teams: { shop: ['ann', 'team:shop'] },
  };

  test('allows what it says and nothing else; the owner may everything', () => {
    expect(refusalOf(permissions, actor('pusher', 'ann'), 'deploy', 'sandbox-1')).toBeNull();
    expect(refusalOf(permissions, actor('token', 'ci'), 'deploy', 'sandbox-1')).toBeNull();
    expect(refusalOf(permissions, actor('user', 'eve', { teams: ['shop'] }), 'deploy', 'sandbox-1')).toBeNull();
    expect(refusalOf(permissions, ownerActor('root', null), 'settle', 'production')).toBeNull();
    expect(refusalOf(permissions, actor('pusher', 'ann'), 'deploy', 'production')).toContain('ann may not deploy to production');
    expect(refusalOf(permissions, actor('user', 'ci'), 'deploy', 'sandbox-1')).toContain('"who": ["ci"]');
    expect(refusalOf(permissions, null, 'deploy', 'sandbox-1')).toContain('somebody who is not known');
  });

  test('means roles of people and tokens, never of pushers', () => {
    expect(isMeant(NO_RULES, 'role:deployer', actor('user', 'ann', { role: 'operator' }))).toBe(true);
    expect(isMeant(NO_RULES, 'role:operator', actor('user', 'ann'))).toBe(false);
    expect(isMeant(NO_RULES, 'role:viewer', actor('pusher', 'ann', { role: 'admin' }))).toBe(false);
  });

  test('that is not there refuses nobody', () => {
    expect(refusalOf(NO_RULES, null, 'deploy', 'production')).toBeNull();
  });
});

test('commands are found anywhere in a message, in any case, as far as they are switched on', () => {
  expect(commandsIn('Fix\n\nno [Skip CI] here', COMMIT_COMMANDS)).toEqual({ skip: '[Skip CI]', fromScratch: false });
  expect(commandsIn('[deploy skip] [FROM SCRATCH]', COMMIT_COMMANDS)).toEqual({ skip: '[deploy skip]', fromScratch: true });
  expect(commandsIn('[skip ci] skip deploy', ['skip deploy'])).toEqual({ skip: null, fromScratch: false });
});

test('options of a push that are not ours are left to others, and what cannot be followed is said', () => {
  expect(pushWishes(['ci.skip', 'deploy.at=22:00'])).toEqual({ skip: null, at: '22:00', problem: null });
  expect(pushWishes(['deploy.skip']).skip).toBe('deploy.skip');
  for (const wrong of ['deploy.at=24:00', 'deploy.at=', 'deploy.at=2026-13', 'deploy.now']) {
    expect(pushWishes([wrong]).problem).toContain(JSON.stringify(wrong));
  }
});
