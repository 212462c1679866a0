// Where a repository lives at its forge, found out from the URL that it is cloned from.
import type { Forge } from '../../core/forge.ts';
import type { Repository } from '../../core/repository.ts';

/** `web`: `https://github.com`; `project`: `acme/shop`. */
export type ForgePlace = { readonly web: string; readonly project: string };

/** Names under which the public forges take ssh beside their own. */
const ALIASES: Readonly<Record<string, string>> = {
  'ssh.github.com': 'github.com',
  'altssh.gitlab.com': 'gitlab.com',
  'altssh.bitbucket.org': 'bitbucket.org',
};

/** `null`: the URL names no host, or no repository on it. A forge that is reached over ssh is expected at https of the same host. */
export function forgePlace({ url, forge }: Repository): ForgePlace | null {
  const long = /^(https?|ssh|git):\/\/(?:[^/@]*@)?([^/:]+|\[[^\]]*\])(:\d+)?\/(.+)$/i.exec(url);
  const short = /^(?:[^/@:]+@)?([^/:@]+):(?!\/)(.+)$/.exec(url);
  const host = (long?.[2] ?? short?.[1] ?? '').toLowerCase();
  const path = (long?.[4] ?? short?.[2] ?? '').replace(/\/+$/, '').replace(/\.git$/, '');
  if (host === '' || !path.includes('/')) return null;
  const isWeb = long !== null && /^https?$/i.test(long[1] ?? '');
  const web = isWeb ? `${(long[1] ?? '').toLowerCase()}://${host}${long[3] ?? ''}` : `https://${ALIASES[host] ?? host}`;
  // Bitbucket Server shows repositories below /scm over https, and directly over ssh.
  return { web, project: forge === 'bitbucket-server' ? path.replace(/^scm\//, '') : path };
}

/** Forges that can be told of deployments, and where their API is. */
const APIS: Readonly<Partial<Record<Forge, (web: string) => string>>> = {
  github: (web) => (web === 'https://github.com' ? 'https://api.github.com' : `${web}/api/v3`),
  gitlab: (web) => `${web}/api/v4`,
  gitea: (web) => `${web}/api/v1`,
  forgejo: (web) => `${web}/api/v1`,
  'bitbucket-cloud': () => 'https://api.bitbucket.org/2.0',
  'bitbucket-server': (web) => `${web}/rest/api/latest`,
};

/** What the configuration says beats what the URL says; `null`: neither says it. */
export function reportPlace(repository: Repository): { readonly api: string; readonly project: string } | null {
  const found = forgePlace(repository);
  const api =
    repository.report?.api ?? (found === null || repository.forge === null ? null : (APIS[repository.forge]?.(found.web) ?? null));
  const project = repository.report?.project ?? found?.project ?? null;
  return api === null || project === null ? null : { api, project };
}

/** The page that shows what changed; `null`: the forge has none that could be found. */
export function compareUrl(repository: Repository, from: string, to: string): string | null {
  const found = forgePlace(repository);
  if (found === null) return null;
  const changes = `compare/${encodeURIComponent(from)}...${encodeURIComponent(to)}`;
  switch (repository.forge) {
    case 'github':
    case 'gitea':
    case 'forgejo':
    case 'gogs':
      return `${found.web}/${found.project}/${changes}`;
    case 'gitlab':
      return `${found.web}/${found.project}/-/${changes}`;
    default:
      return null;
  }
}
