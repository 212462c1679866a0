// Where a repository is: which URLs are allowed, and how a path on this machine is written for Git and Subversion.
import { pathToFileURL } from 'node:url';
import { hasControlCharacter } from './values.ts';

const SCHEMES = {
  git: ['ssh', 'https', 'http', 'git', 'file'],
  svn: ['https', 'http', 'svn', 'svn+ssh', 'file'],
} as const;

/**
 * The URL as version control gets it: paths are absolute (Git) or a `file://` URL (Subversion takes nothing else). An allow-list: with
 * `ext::`, an option-like host or a password nothing goes on (git's remote helpers run commands, passwords show up in `ps`).
 */
export function resolveRepositoryUrl(
  url: string,
  type: 'git' | 'svn',
  resolve: (path: string) => string,
): { readonly url: string; readonly warning: string | null } | { readonly problem: string } {
  if (hasControlCharacter(url) || url.startsWith('-')) return { problem: 'is not a repository URL' };
  const scheme = /^([A-Za-z][A-Za-z0-9+.-]*):\/\//.exec(url)?.[1]?.toLowerCase();
  if (scheme !== undefined) return checkedUrl(url, scheme, type);
  if (/^[A-Za-z0-9+.-]*::/.test(url)) return { problem: `has a transport that is not allowed; allowed: ${allowed(type)}` };
  // A colon before the first slash: git's own short form (git-clone(1)); a path with a colon is written ./a:b.
  if (/^[^/]*:/.test(url)) {
    if (type !== 'git') return { problem: 'is a short form that only Git knows; write svn+ssh://user@host/path' };
    if (!/^(?:[A-Za-z0-9_][A-Za-z0-9._+-]*@)?[A-Za-z0-9][A-Za-z0-9._-]+:[^-].*$/.test(url))
      return { problem: 'is not of the form user@host:path' };
    return { url, warning: null };
  }
  const path = resolve(url);
  return { url: type === 'git' ? path : pathToFileURL(path).href, warning: null };
}

function checkedUrl(url: string, scheme: string, type: 'git' | 'svn'): ReturnType<typeof resolveRepositoryUrl> {
  if (!(SCHEMES[type] as readonly string[]).includes(scheme)) {
    return { problem: `begins with ${scheme}://, which is not allowed for ${type}; allowed: ${allowed(type)}` };
  }
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    return { problem: 'is not a valid URL' };
  }
  if (parsed.password !== '') {
    return { problem: 'must not hold a password; use "username" and "passwordFile", or "identity" for ssh' };
  }
  if (parsed.search !== '' || parsed.hash !== '') return { problem: 'must not hold "?" or "#"; write them as %3F and %23' };
  if (scheme === 'file') {
    if (parsed.host !== '' || parsed.pathname === '/')
      return { problem: 'must be file:// and an absolute path: file:///srv/repositories/shop' };
    return { url, warning: null };
  }
  if (!/^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9][A-Za-z0-9._-]*)$/.test(parsed.hostname)) return { problem: `has no proper host name` };
  if (parsed.username.startsWith('-')) return { problem: 'has a user name that begins with "-"' };
  if (type === 'svn' && scheme !== 'svn+ssh' && parsed.username !== '') return { problem: 'names an account; use "username" for it' };
  const warning = ['http', 'svn', 'git'].includes(scheme)
    ? `${scheme}:// is not encrypted: who controls the network controls what is deployed`
    : null;
  return { url, warning };
}

const allowed = (type: 'git' | 'svn'): string =>
  [...SCHEMES[type].map((scheme) => `${scheme}://`), ...(type === 'git' ? ['user@host:path'] : []), 'a path'].join(', ');
