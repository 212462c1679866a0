// What a cluster gets from outside its repository: where its files come from, their variables, and where its secrets are.
import type { Cluster } from '../core/cluster.ts';
import type { FilesSource, SecretReference } from '../core/files.ts';
import type { Repository } from '../core/repository.ts';
import type { Files } from './files.ts';
import type { Path, Problems } from './problems.ts';
import { quoted, suggestion } from './problems.ts';
import type { ClusterInput } from './cluster-schema.ts';
import { withoutSlash } from './values.ts';

/** Only what is set: most clusters have nothing of it. `path`: of the cluster. */
export function resolveOutside(
  { files: source, variables, secrets }: ClusterInput,
  path: Path,
  files: Files,
  repositories: ReadonlyMap<string, Repository>,
  problems: Problems,
): Pick<Cluster, 'files' | 'variables' | 'secrets'> {
  const from = source === undefined ? null : resolveSource(source, [...path, 'files'], files, repositories, problems);
  const texts = textsOf(variables);
  return {
    ...(from !== null && { files: from }),
    ...(texts !== undefined && { variables: texts }),
    ...(secrets !== undefined && { secrets: resolveSecrets(secrets, [...path, 'secrets'], files, problems) }),
  };
}

function resolveSource(
  source: NonNullable<ClusterInput['files']>,
  path: Path,
  files: Files,
  repositories: ReadonlyMap<string, Repository>,
  problems: Problems,
): FilesSource | null {
  if (typeof source === 'string') return { kind: 'directory', path: files.resolve(source) };
  const repository = repositories.get(source.repository);
  if (repository === undefined) {
    const names = [...repositories.keys()];
    const known = names.length === 0 ? 'there are none' : `known: ${names.slice(0, 10).map(quoted).join(', ')}`;
    problems.report(
      [...path, 'repository'],
      `there is no repository ${quoted(source.repository)}${suggestion(source.repository, names)} (${known})`,
    );
    return null;
  }
  return { kind: 'repository', repository, branch: source.branch, subdirectory: withoutSlash(source.subdirectory) };
}

function resolveSecrets(
  secrets: NonNullable<ClusterInput['secrets']>,
  path: Path,
  files: Files,
  problems: Problems,
): Record<string, SecretReference> {
  const resolved: Record<string, SecretReference> = {};
  for (const [name, { file, environment, command }] of Object.entries(secrets)) {
    const references: SecretReference[] = [
      ...(file === undefined ? [] : [{ file: files.resolve(file) }]),
      ...(environment === undefined ? [] : [{ environment }]),
      ...(command === undefined ? [] : [{ command }]),
    ];
    const [one, ...more] = references;
    if (one === undefined || more.length > 0) problems.report([...path, name], 'must have exactly one of file, environment and command');
    else resolved[name] = one;
  }
  return resolved;
}

/** Numbers and such as they are written. */
export function textsOf(variables: ClusterInput['variables']): Record<string, string> | undefined {
  return variables && Object.fromEntries(Object.entries(variables).map(([name, value]) => [name, String(value)]));
}
