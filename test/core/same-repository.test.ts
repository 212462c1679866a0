// Two URLs, one repository?
import { describe, expect, test } from '@jest/globals';
import { isSameRepository, isStranger } from '../../src/core/same-repository.ts';

const SPELLINGS = [
  'https://git.example.org/acme/shop.git',
  'https://git.example.org/acme/shop',
  'https://git.example.org/acme/shop/',
  'https://git.example.org:443/acme/shop.git',
  'https://deploy@git.example.org/acme/shop.git',
  'http://GIT.Example.ORG/acme/shop.git',
  'https://git.example.org./Acme/Shop.git/',
  'git@git.example.org:acme/shop.git',
  'git.example.org:acme/shop',
  'git@git.example.org:/acme/shop.git',
  'ssh://git@git.example.org/acme/shop.git',
  'ssh://git@git.example.org:2222/acme/shop',
  'git://git.example.org/acme//shop.git',
  'https://git.example.org/acme/%73hop.git',
];

test.each(SPELLINGS)('%s is the same repository as all its other spellings', (url) => {
  expect(SPELLINGS.filter((other) => isSameRepository(url, other) !== true)).toEqual([]);
});

test.each([
  ['https://git.example.org/acme/shop.git', 'https://git.example.org/acme/shop2.git'],
  ['https://git.example.org/acme/shop.git', 'git@git.example.org:other/shop.git'],
  ['https://git.example.org/acme/shop.git', 'https://git.example.org/acme/shopping/shop'],
  ['git@git.example.org:acme/shop.git', 'https://github.com/acme/portal'],
  ['https://git.example.org/acme/shop.git', 'https://git.example.org/xacme/shop.git'],
])('%s is another repository than %s', (a, b) => {
  expect(isSameRepository(a, b)).toBe(false);
  expect(isSameRepository(b, a)).toBe(false);
});

describe('nobody can tell', () => {
  test.each([
    ['a path on this machine', '/srv/git/shop.git', 'https://github.com/acme/shop.git'],
    ['a file URL', 'file:///srv/git/shop.git', 'https://github.com/acme/shop.git'],
    ['two hosts that may be one', 'git@github-work:acme/shop.git', 'https://github.com/acme/shop.git'],
    ['no URL at all', 'acme/shop', 'https://github.com/acme/shop.git'],
    ['nothing', '', ''],
    ['no path', 'https://github.com/', 'https://github.com/acme/shop.git'],
  ])('from %s', (_what, a, b) => {
    expect(isSameRepository(a, b)).toBeNull();
    expect(isSameRepository(b, a)).toBeNull();
  });
});

describe('what the forges do differently', () => {
  test.each([
    ['Bitbucket Server', 'https://bitbucket.example.org/scm/acme/shop.git', 'ssh://git@bitbucket.example.org:7999/acme/shop.git'],
    ['a forge below a directory', 'https://example.org/gitlab/acme/shop.git', 'git@example.org:acme/shop.git'],
    ['Gerrit', 'https://gerrit.example.org/a/acme/shop', 'ssh://ann@gerrit.example.org:29418/acme/shop'],
    ['GitHub over port 443', 'ssh://git@ssh.github.com:443/acme/shop.git', 'https://github.com/acme/shop'],
    ['Bitbucket over port 443', 'ssh://git@altssh.bitbucket.org:443/acme/shop.git', 'https://bitbucket.org/acme/shop'],
    ['Azure DevOps', 'git@ssh.dev.azure.com:v3/acme/web/shop', 'https://acme@dev.azure.com/acme/web/_git/shop'],
    ['older Azure DevOps', 'https://acme.visualstudio.com/web/_git/shop', 'https://dev.azure.com/acme/web/_git/shop'],
    ['oldest Azure DevOps', 'acme@vs-ssh.visualstudio.com:v3/acme/web/shop', 'https://acme.visualstudio.com/web/_git/shop'],
    ['an IPv6 address', 'ssh://git@[2001:db8::1]:22/acme/shop.git', 'https://[2001:DB8::1]/acme/shop'],
  ])('counts for nothing: %s', (_what, a, b) => {
    expect(isSameRepository(a, b)).toBe(true);
    expect(isSameRepository(b, a)).toBe(true);
  });
});

test('a stranger is only who certainly is one', () => {
  const shop = 'git@github.com:acme/shop.git';
  expect(isStranger(shop, ['https://github.com/acme/other', 'git@github.com:acme/other.git'])).toBe(true);
  expect(isStranger(shop, ['https://github.com/acme/other', 'https://github.com/acme/shop'])).toBe(false);
  expect(isStranger(shop, ['https://mirror.example.org/acme/shop'])).toBe(false);
  expect(isStranger(shop, [])).toBe(false);
  expect(isStranger('/srv/git/shop.git', ['https://github.com/acme/other'])).toBe(false);
});

test('whatever is sent as a URL is compared without harm, and quickly', () => {
  const begun = Date.now();
  for (const text of [
    '://',
    ':',
    '@:',
    'a:',
    '%',
    'https://%/%',
    '['.repeat(50_000),
    'a@'.repeat(50_000),
    'ssh://'.repeat(20_000),
    '/'.repeat(100_000),
  ]) {
    expect(isSameRepository(text, 'https://github.com/acme/shop')).not.toBe(true);
  }
  expect(Date.now() - begun).toBeLessThan(2_000);
});
