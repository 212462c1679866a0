// The shared paths of a cluster: each once, none inside another, and seeds that can be there.
import type { SharedPath } from '../core/cluster.ts';
import type { Path, Problems } from './problems.ts';
import { quoted } from './problems.ts';
import type { ClusterInput } from './cluster-schema.ts';
import { withoutSlash } from './values.ts';

/** A path that stands there both by itself and with its seed is one path. */
export function resolveShared(input: ClusterInput['shared'], path: Path, problems: Problems): readonly SharedPath[] {
  const all = input.map((entry, i) => ({ i, ...(typeof entry === 'string' ? { path: entry } : entry) }));
  const placed = all
    .filter((one) => 'seed' in one || !all.some((two) => two.path === one.path && 'seed' in two))
    .map(({ i, path: text, ...rest }) => ({ i, shared: sharedPath(text, 'seed' in rest ? rest.seed : undefined) }));
  for (const { i, shared } of placed) {
    const other = placed.find(
      (two) => two.i !== i && (shared.path === two.shared.path ? two.i < i : shared.path.startsWith(`${two.shared.path}/`)),
    );
    if (other !== undefined) problems.report([...path, i], `${quoted(textOf(input[i]))} is shared already by ${quoted(other.shared.path)}`);
    const { seed } = shared;
    const around = placed.find((two) => seed === two.shared.path || seed?.startsWith(`${two.shared.path}/`) === true);
    if (around !== undefined) {
      problems.report([...path, i, 'seed'], `${quoted(seed)} is itself shared (${quoted(around.shared.path)}), so no release has it`);
    }
  }
  return placed.map((one) => one.shared);
}

function sharedPath(text: string, seed: string | undefined): SharedPath {
  const kind = text.endsWith('/') ? 'directory' : 'file';
  return { path: withoutSlash(text), kind, ...(seed !== undefined && { seed: withoutSlash(seed) }) };
}

const textOf = (entry: ClusterInput['shared'][number] | undefined): string | undefined => (typeof entry === 'object' ? entry.path : entry);
