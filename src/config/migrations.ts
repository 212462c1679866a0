// The built-in migrations of a cluster: one way to migrate, a database that is one, no password where everybody can read it.
import type { MigrationSettings } from '../core/cluster.ts';
import { parseDatabaseUrl } from '../core/database-url.ts';
import { fillIn, placeholders, variablesOf } from '../core/pattern.ts';
import type { SecretReference } from '../core/files.ts';
import type { Files } from './files.ts';
import type { Problems } from './problems.ts';
import type { ClusterInput } from './cluster-schema.ts';

export function resolveMigrations(
  input: ClusterInput,
  cluster: string,
  environment: string,
  files: Files,
  problems: Problems,
): MigrationSettings | null {
  const { migrations } = input;
  if (migrations === undefined) return null;
  const path = ['clusters', cluster, 'migrations'];
  if (input.commands.migrate !== undefined) {
    problems.reportKey(path, 'stands beside "commands.migrate"; a cluster migrates in one way: take one of the two out');
  }
  const { directory, database, password, when, lint } = migrations;
  const known = variablesOf(cluster);
  for (const [key, text] of Object.entries({ directory, database })) {
    const stranger = placeholders(text).find((one) => !known.includes(one.name));
    if (stranger !== undefined) problems.report([...path, key], `{${stranger.name}} is unknown; it must be part of the cluster's name`);
  }
  const address = parseDatabaseUrl(fillIn(database, new Map(known.map((name) => [name, 'x']))));
  if ('problem' in address) problems.report([...path, 'database'], address.problem);
  else if (address.kind === 'sqlite' && password !== undefined)
    problems.reportKey([...path, 'password'], 'is of no use: SQLite has no passwords');
  return {
    directory: directory.replace(/\/+$/, ''),
    database,
    password: password === undefined ? null : resolveSource(password, files),
    when,
    lint: lint ?? (environment === 'production' ? 'refuse' : 'warn'),
  };
}

const resolveSource = (source: SecretReference, files: Files): SecretReference =>
  'file' in source ? { file: files.resolve(source.file) } : source;
