// The configuration in force as people may read it: nothing of it is a secret, whatever somebody wrote into an address or an environment.
import type { Cluster, Verification } from './cluster.ts';
import type { Build, Repository } from './repository.ts';

/** Account and password of a URL become stars; a password may have `@` in it, and ends at the last one before the path. */
export const withoutAccount = (url: string): string => url.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/?#\s]*@/i, '$1***@');

/** Settings of a cluster. Secrets are where they are; values of variables stay, as they stand in the templates' output anyway. */
export function settingsView(cluster: Cluster): Record<string, unknown> {
  const { maintenance, migrations, verify, secrets, files, servers, simulation, ...plain } = cluster;
  return {
    ...plain,
    servers: servers.map((server) => ({ ...server, variables: undefined })),
    // The page itself is long, and visitors see it anyway.
    maintenance: maintenance === null ? null : { lockTimeoutMs: maintenance.lockTimeoutMs, botsTimeoutMs: maintenance.botsTimeoutMs },
    migrations:
      migrations === null
        ? null
        : {
            ...migrations,
            database: withoutAccount(migrations.database),
            password: migrations.password === null ? null : kindOf(migrations.password),
          },
    verify: verify === null ? null : verifyView(verify),
    secrets: Object.fromEntries(Object.entries(secrets ?? {}).map(([name, reference]) => [name, kindOf(reference)])),
    files:
      files === undefined
        ? null
        : files.kind === 'directory'
          ? files
          : { kind: files.kind, repository: files.repository.name, branch: files.branch, subdirectory: files.subdirectory },
    ...(servers.some(({ transport }) => transport === 'simulated') ? { simulation } : {}),
  };
}

/** A reference without what it says: a command may have been given a password. */
const kindOf = (reference: object): string => `from ${Object.keys(reference)[0] ?? 'elsewhere'}`;

/** What stands in a header may be a key. */
function verifyView(verify: Verification): Record<string, unknown> {
  const shown = (checks: Verification['http']): object[] => checks.map((check) => ({ ...check, url: withoutAccount(check.url) }));
  return { ...verify, http: shown(verify.http), cluster: shown(verify.cluster) };
}

/** Only the names of the build's environment: tokens for package registries are usual there. */
export function buildView({ environment, ...build }: Build): Record<string, unknown> {
  return { ...build, environment: Object.keys(environment) };
}

export const repositoryUrl = ({ url }: Repository): string => withoutAccount(url);
