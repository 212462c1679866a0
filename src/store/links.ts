// Where a tree's symbolic links lead: none may lead out of it.

/** As Linux: more links than this on the way and open(2) fails with ELOOP. */
const MAX_LINKS = 40;

/**
 * Does the symbolic link `path` lead out of the tree? `links` are all links of the tree, path → target. Resolved component by component
 * through the tree's other links, as the kernel would: comparing texts is not enough (with `here -> .`, the target `here/..` is outside).
 * A component that is not there counts as a directory, for it may appear on the server. A loop leads nowhere.
 */
export function leavesTree(path: string, links: ReadonlyMap<string, string>): boolean {
  const at = path.split('/').slice(0, -1);
  const todo = [path.slice(path.lastIndexOf('/') + 1)];
  for (let hops = 0; hops <= MAX_LINKS;) {
    const part = todo.pop();
    if (part === undefined) return false;
    if (part === '' || part === '.') continue;
    if (part === '..') {
      if (at.pop() === undefined) return true;
      continue;
    }
    at.push(part);
    const target = links.get(at.join('/'));
    if (target === undefined) continue;
    if (target.startsWith('/')) return true;
    hops++;
    at.pop();
    todo.push(...target.split('/').reverse());
  }
  return false;
}
