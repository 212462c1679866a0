// Subversion URLs: which are used, and their one canonical form, which is safe in an argument list and in a shell's line.
import { DeployError } from '../core/errors.ts';

/** A canonical URL: scheme, account and host plain, every other byte of the path percent-encoded. No trailing slash. */
export type SvnUrl = {
  readonly url: string;
  readonly protocol: 'file' | 'svn' | 'svn+ssh' | 'http' | 'https';
  readonly host: string;
  readonly port: string | null;
};

/** What a canonical URL consists of. None of it is special to a shell, and it cannot begin with a dash. */
const CANONICAL = /^(?:file|svn|svn\+ssh|https?):\/\/[A-Za-z0-9._@:/%+-]*$/;

/**
 * Checks a Subversion URL and brings it into canonical form. `whose` begins the message: `repository portal`. Throws DeployError
 * `configuration` for everything but file:///, svn://, svn+ssh://, http:// and https://.
 */
export function parseSvnUrl(text: string, whose: string): SvnUrl {
  const refuse = (reason: string): never => {
    throw new DeployError('configuration', `${whose}: its url ${reason}. Allowed are file:///, svn://, svn+ssh://, http:// and https://.`);
  };
  const match = /^([a-z+]+):\/\/(?:([^@/]*)@)?([^/@:]*)(?::([0-9]{1,5}))?(\/.*)?$/s.exec(text);
  if (match === null) return refuse('has a form that is not allowed');
  const [, scheme = '', account, host = '', port, path = ''] = match;
  const protocol =
    (['file', 'svn', 'svn+ssh', 'http', 'https'] as const).find((one) => one === scheme) ??
    refuse(`has the scheme ${JSON.stringify(scheme)}`);
  if (protocol === 'file') {
    if ((host !== '' && host !== 'localhost') || account !== undefined || path === '')
      refuse('must have three slashes and a path after file:');
    return { url: `file://${encodePath(path, refuse)}`, protocol, host: 'file', port: null };
  }
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(host)) refuse('has a host name with characters that are not allowed');
  if (account !== undefined) {
    if (protocol !== 'svn+ssh') refuse('names an account; use "username" and "passwordFile" for it');
    if (!/^[A-Za-z0-9_][A-Za-z0-9._+-]*$/.test(account)) refuse('has a user name with characters that are not allowed');
  }
  // svn hands `host:port` to ssh as a host name; the port goes into our ssh_config instead.
  const shownPort = port === undefined || protocol === 'svn+ssh' ? '' : `:${port}`;
  const authority = `${account === undefined ? '' : `${account}@`}${host}${shownPort}`;
  return { url: `${protocol}://${authority}${encodePath(path, refuse)}`, protocol, host: host.toLowerCase(), port: port ?? null };
}

/** The URL of a path below a canonical URL. `path` is plain text (`servers/demo`), not encoded. */
export function below(base: string, path: string): string {
  const encoded = path
    .split('/')
    .filter((part) => part !== '')
    .map(encodePart);
  return checked([base, ...encoded].join('/'));
}

/** The operand for a URL at a revision. The peg revision also keeps an `@` of the path from being taken for one. */
export const at = (url: string, revision: string): string => checked(`${url}@${revision}`);

/** The last gate before a command line. What does not pass is a bug of ours. */
function checked(url: string): string {
  if (!CANONICAL.test(url)) throw new Error(`not a canonical Subversion URL: ${JSON.stringify(url)}`);
  return url;
}

/** May this be the path of a branch: relative, no empty, `.` or `..` parts, no control characters? */
export function isSvnPath(path: string): boolean {
  if (path === '' || path.length > 1_000 || /[\u0000-\u001f\u007f]/.test(path) || Buffer.from(path).toString() !== path) return false;
  return path.split('/').every((part) => part !== '' && part !== '.' && part !== '..');
}

/** Percent-encodes everything but letters, digits and `._-`: more than RFC 3986 asks for, and the same path to svn. */
const encodePart = (part: string): string =>
  Array.from(Buffer.from(part), (byte) => {
    const char = String.fromCharCode(byte);
    return /[A-Za-z0-9._-]/.test(char) ? char : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }).join('');

/** A path as people write it, encoded or not (a space, an umlaut): decoded where it is encoded, then encoded in our one way. */
function encodePath(path: string, refuse: (reason: string) => never): string {
  const parts = path.split('/').filter((part) => part !== '');
  const plain = parts.map((part) => {
    try {
      return decodeURIComponent(part.replace(/%(?![0-9A-Fa-f]{2})/g, '%25'));
    } catch {
      return refuse('has a percent-encoding that is not UTF-8');
    }
  });

  if (plain.some((part) => part === '.' || part === '..' || part.includes('/') || /[\u0000-\u001f\u007f]/.test(part)))
    refuse('has a path with ., .. or control characters');
  return plain.map((part) => `/${encodePart(part)}`).join('');
}
