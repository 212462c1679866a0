// Hints: which branches a change may be about. Git names refs; Subversion's hook names changed paths.
import type { Change } from '../core/repository.ts';

/** The refs that the change names, then the `branches` that its paths touch. */
export function hintedBranches(change: Change, branches: readonly string[]): string[] {
  const named = change.refs.map(({ ref }) => ref);
  const touched = branches.filter((branch) => change.paths?.some((path) => touches(path, branch)) ?? false);
  return [...new Set([...named, ...touched])];
}

/** A branch may have changed when the path is the branch, lies under it, or is a directory above it. '' is the root. */
function touches(path: string, branch: string): boolean {
  return path === '' || path === branch || path.startsWith(`${branch}/`) || branch.startsWith(`${path}/`);
}
