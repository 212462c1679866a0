// From the keys of `people` to what the daemon works with.
import type { Configuration } from '../core/configuration.ts';
import type { OidcSettings } from '../core/people.ts';
import type { Files } from './files.ts';
import type { Problems } from './problems.ts';
import type { PeopleInput } from './people-schema.ts';

type Oidc = NonNullable<NonNullable<PeopleInput>['oidc']>;

/** Nothing, when nothing is said. */
export function resolvePeople(input: PeopleInput | null, files: Files, problems: Problems): Pick<Configuration, 'people'> {
  if (input === undefined || input === null) return {};
  const { url, oidc, proxy, groups } = input;
  if (oidc !== undefined && url === undefined)
    problems.reportKey(['people', 'oidc'], 'needs "url" beside it: where the provider sends people back to');
  if (oidc !== undefined && !isTrusted(oidc.issuer)) {
    problems.report(['people', 'oidc', 'issuer'], 'must be an https address; plain http is for this machine only');
  }
  return {
    people: {
      url: url?.replace(/\/$/, '').toLowerCase() ?? null,
      oidc: oidc === undefined ? null : resolveOidc(oidc, files),
      proxy: proxy === undefined ? null : { from: proxy.from, user: proxy.user.toLowerCase(), groups: proxy.groups?.toLowerCase() ?? null },
      groups: Object.entries(groups).map(([group, grant]) => ({ group, ...grant })),
    },
  };
}

function resolveOidc({ issuer, clientId, clientSecret, name, groups, scopes }: Oidc, files: Files): OidcSettings {
  const secret = clientSecret === undefined ? null : 'file' in clientSecret ? { file: files.resolve(clientSecret.file) } : clientSecret;
  return { issuer, clientId, clientSecret: secret, name, groups, scopes };
}

const isTrusted = (issuer: string): boolean =>
  /^https:\/\//i.test(issuer) || /^http:\/\/(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?(\/|$)/i.test(issuer);
