// Do two URLs mean the same repository? One repository has a dozen spellings: over ssh and https, with and without `.git`, port and account.

type Place = { readonly host: string; readonly path: string };

/**
 * `null`: nobody can tell from the URLs, because one is a path on some machine, or the hosts differ and may be two names of one machine.
 * Case counts neither in hosts nor in paths (it does not at the large forges): rather `true` or `null` than a wrong `false`.
 */
export function isSameRepository(a: string, b: string): boolean | null {
  const [one, other] = [placeOf(a), placeOf(b)];
  if (one === null || other === null) return null;
  // A forge may live below a directory of its host (`/gitlab/…`, `/scm/…`, `/a/…`) that only one kind of its URLs shows.
  const isSamePath = `/${one.path}`.endsWith(`/${other.path}`) || `/${other.path}`.endsWith(`/${one.path}`);
  if (!isSamePath) return false;
  return one.host === other.host ? true : null;
}

/** Host without account and port, path without what is only spelling; `null`: the URL names no host. */
function placeOf(url: string): Place | null {
  const long = /^([a-z][a-z0-9+.-]*):\/\/(?:[^/@]*@)?(\[[^\]]*\]|[^/:]*)(?::\d*)?(?:\/(.*))?$/i.exec(url);
  if (long !== null) return long[1]?.toLowerCase() === 'file' ? null : place(long[2] ?? '', long[3] ?? '');
  // git's short form, `user@host:path`; a colon after a slash belongs to a path (git-clone(1)).
  const short = /^(?:[^/@:]*@)?(\[[^\]]*\]|[^/:]+):(?!\/\/)(.*)$/.exec(url);
  return short === null ? null : place(short[1] ?? '', short[2] ?? '');
}

function place(host: string, path: string): Place | null {
  const known = alias(host.toLowerCase().replace(/\.$/, ''));
  const parts = decoded(path)
    .toLowerCase()
    .split('/')
    .filter((part) => part !== '' && part !== '.');
  // Azure DevOps: `org/project/_git/repo` over https is `v3/org/project/repo` over ssh.
  const own = known.host === 'dev.azure.com' ? parts.filter((part, i) => part !== '_git' && !(i === 0 && part === 'v3')) : parts;
  const whole = [...known.prefix, ...own].join('/').replace(/\.git$/, '');
  return known.host === '' || whole === '' ? null : { host: known.host, path: whole };
}

/** Names under which the public forges take ssh beside their own. */
const ALIASES: ReadonlyMap<string, string> = new Map([
  ['ssh.github.com', 'github.com'],
  ['altssh.gitlab.com', 'gitlab.com'],
  ['altssh.bitbucket.org', 'bitbucket.org'],
  ['ssh.dev.azure.com', 'dev.azure.com'],
  ['vs-ssh.visualstudio.com', 'dev.azure.com'],
]);

/** Azure DevOps: `https://org.visualstudio.com/…` is the older spelling of `https://dev.azure.com/org/…`. */
function alias(host: string): { readonly host: string; readonly prefix: readonly string[] } {
  const known = ALIASES.get(host);
  if (known !== undefined) return { host: known, prefix: [] };
  const organisation = /^([a-z0-9-]+)\.visualstudio\.com$/.exec(host)?.[1];
  return organisation === undefined ? { host, prefix: [] } : { host: 'dev.azure.com', prefix: [organisation] };
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

/** Certain, and worth telling, only if no URL of those that mean one repository could be the configured one. */
export function isStranger(configured: string, told: readonly string[]): boolean {
  return told.length > 0 && told.every((url) => isSameRepository(configured, url) === false);
}
