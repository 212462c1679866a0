// Git URLs: which are used, and what submodules' relative ones become.
import { expect, test } from '@jest/globals';
import { parseGitUrl, resolveSubmoduleUrl } from '../../src/vcs/git-url.ts';

test.each([
  ['https://git.example.org/shop.git', 'https', 'git.example.org'],
  ['https://ann@git.example.org:8443/a/b', 'https', 'git.example.org'],
  ['http://127.0.0.1:3000/x', 'http', '127.0.0.1'],
  ['ssh://git@git.example.org/shop.git', 'ssh', 'git.example.org'],
  ['ssh://git@git.example.org:2222/~/shop.git', 'ssh', 'git.example.org'],
  ['ssh://[::1]:22/x', 'ssh', '[::1]'],
  ['git@git.example.org:shop.git', 'ssh', 'git.example.org'],
  ['git.example.org:/srv/shop.git', 'ssh', 'git.example.org'],
  ['git://git.example.org/shop', 'git', 'git.example.org'],
  ['file:///srv/git/shop.git', 'file', 'file'],
])('%s is allowed', (url, protocol, host) => {
  expect(parseGitUrl(url, 'repository shop')).toEqual({ url, protocol, host });
});

test('an absolute path is the same as file://', () => {
  expect(parseGitUrl('/srv/git/100% shop', 'repository shop').url).toBe('file:///srv/git/100%25 shop');
});

test.each([
  '',
  'shop',
  './shop',
  '../shop',
  '-u./payload',
  '--upload-pack=touch /tmp/x',
  'ext::sh -c touch% /tmp/x',
  'fd::17',
  'ext::x:y',
  'ssh://-oProxyCommand=touch/x',
  'ssh://git@-oProxyCommand=touch/x',
  'ssh://-l@host/x',
  'ssh://a b@host/x',
  'git@-oProxyCommand=x:y',
  '-oProxyCommand=x:y',
  '-x@host:y',
  'ssh://host',
  'file://other/x',
  'file:relative',
  'C:\\repo',
  'ftp://host/x',
  'https://ann:secret@host/x',
  'https://-host/x',
  'https://h\nost/x',
  'https:///x',
  'HTTPS://host/x',
  'http::https://host/x',
  'a;b@host:x y\n',
])('%j is refused', (url) => {
  expect(() => parseGitUrl(url, 'repository shop')).toThrow(
    expect.objectContaining({ code: 'configuration', message: expect.stringMatching(/^(?!.*secret)repository shop: its url/) }),
  );
});

test.each([
  ['../lib.git', 'https://h/group/shop.git', 'https://h/group/lib.git'],
  ['../../lib.git', 'https://h/group/shop.git', 'https://h/lib.git'],
  ['./lib', 'https://h/shop', 'https://h/shop/lib'],
  ['../lib', 'git@h:group/shop', 'git@h:group/lib'],
  ['../lib', 'git@h:shop', 'git@h:lib'],
  ['../../../../x', 'https://h/a', 'https://h/x'],
  ['../lib', 'file:///srv/shop/', 'file:///srv/lib'],
  ['https://x/y', 'https://h/a', 'https://x/y'],
])('the submodule url %s of %s is %s', (url, base, result) => {
  expect(resolveSubmoduleUrl(url, base)).toBe(result);
});
