// Which Git URLs are used, and in which form git gets to see them.
import { DeployError } from '../core/errors.ts';

/** A URL of a remote that passed. `url` is what git gets; `host` is `file` for a repository on this machine. */
export type GitUrl = { readonly url: string; readonly protocol: 'https' | 'http' | 'ssh' | 'git' | 'file'; readonly host: string };

const HOST = /^(?:[A-Za-z0-9](?:[A-Za-z0-9._-]*)|\[[0-9A-Fa-f:.]+\])$/;
const USER = /^[A-Za-z0-9_][A-Za-z0-9._+-]*$/;

/**
 * Checks a Git URL. `whose` begins the message: `repository shop`. Throws DeployError `configuration` for everything but
 * `https://`, `http://`, `ssh://`, `git://`, `file:///`, an absolute path, and `user@host:path`: git would run programs for others
 * (`ext::`, CVE-2022-25912) or take them for options (`-u…`, `ssh://-oProxyCommand=…`, CVE-2017-1000117).
 */
export function parseGitUrl(text: string, whose: string): GitUrl {
  const refuse = (reason: string): never => {
    throw new DeployError(
      'configuration',
      `${whose}: its url ${reason}. Allowed are https://, http://, ssh://, git://, file:///, /path and user@host:path.`,
    );
  };

  if (/[\u0000-\u001f\u007f]/.test(text)) refuse('has control characters in it');
  // A plain path would be cloned with hard links and, to git-lfs, is no URL: the same as file://.
  if (text.startsWith('/')) return { url: `file://${text.replaceAll('%', '%25')}`, protocol: 'file', host: 'file' };
  const scp = /^(?:([^@:/]+)@)?([^@:/]+):(?!\/\/|:)(.+)$/.exec(text);
  if (scp !== null) {
    const [, user, host = '', path = ''] = scp;
    // Git would take `file:x` for a host named file; whoever wrote it meant something else.
    if (host.length < 2 || /^(?:file|https?|ssh|git)$/i.test(host)) refuse('has a form that is not allowed');
    return ssh(user, host, undefined, path.startsWith('/') ? path : `/~/${path}`, refuse, text);
  }
  const url = /^([a-z]+):\/\/(?:([^@/]*)@)?((?:\[[^\]/]*\])|[^:/@]*)(?::([0-9]{1,5}))?(\/.*)?$/.exec(text);
  if (url === null) return refuse('has a form that is not allowed');
  const [, protocol = '', user, host = '', port, path = '/'] = url;
  switch (protocol) {
    case 'file':
      if (host !== '' && host !== 'localhost') refuse('names a host after file://; a path of this machine needs three slashes');
      return { url: `file://${path}`, protocol, host: 'file' };
    case 'ssh':
      return ssh(user, host, port, path, refuse, text);
    case 'https':
    case 'http':
    case 'git':
      if (user?.includes(':') === true) refuse('contains a password; put it into a file and name that in "passwordFile"');
      if (!HOST.test(host)) refuse('has a host name with characters that are not allowed');
      return { url: text, protocol, host: host.toLowerCase() };
    default:
      return refuse(`has the scheme ${JSON.stringify(protocol)}`);
  }
}

function ssh(
  user: string | undefined,
  host: string,
  port: string | undefined,
  path: string,
  refuse: (reason: string) => never,
  text: string,
): GitUrl {
  if (user !== undefined && !USER.test(user)) refuse('has a user name with characters that are not allowed');
  if (!HOST.test(host)) refuse('has a host name with characters that are not allowed');
  if (path.length < 2) refuse('names no repository on the host');
  const account = user === undefined ? '' : `${user}@`;
  // The scp form takes the path as it is, a URL decodes %: keep the form that was written.
  const url = text.startsWith('ssh://') ? `ssh://${account}${host}${port === undefined ? '' : `:${port}`}${path}` : text;
  return { url, protocol: 'ssh', host: host.toLowerCase() };
}

/** The URL of a submodule: as it stands, or relative (`../other.git`) to the URL of the repository that names it (git-submodule(1)). */
export function resolveSubmoduleUrl(url: string, base: string): string {
  if (!url.startsWith('./') && !url.startsWith('../')) return url;
  let left = base.replace(/\/+$/, '');
  let separator = '/';
  let rest = url;
  for (;;) {
    if (rest.startsWith('./')) rest = rest.slice(2);
    else if (rest.startsWith('../')) {
      rest = rest.slice(3);
      const slash = left.lastIndexOf('/');
      const cut = slash > left.indexOf('://') + 2 ? slash : left.includes('://') ? -1 : left.lastIndexOf(':');
      separator = left[cut] ?? '/';
      left = cut < 0 ? left : left.slice(0, cut);
    } else return `${left}${separator}${rest}`;
  }
}
