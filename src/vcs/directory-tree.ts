// A directory that a program wrote, made into a tree like an exported one: its modes set, every entry past the tree guard.
import { chmod, lstat, readdir, readlink } from 'node:fs/promises';
import { DeployError } from '../core/errors.ts';
import { createTreeGuard } from './tree-guard.ts';

/**
 * Walks a directory: directories become 0755, files 0755 if anybody may execute them and else 0644. Everything passes the guard, whose
 * messages begin with `where`. Throws DeployError `hostile-tree`, also for what is no file, directory or link.
 */
export async function settleDirectory(directory: string, where: string): Promise<void> {
  const guard = createTreeGuard(where);
  const root = Buffer.from(directory);
  const slash = Buffer.from('/');
  const walk = async (relative: Buffer | null): Promise<void> => {
    const here = relative === null ? root : Buffer.concat([root, slash, relative]);
    // Names as bytes: one that is not UTF-8 must be refused by its own name, not by a wrong one that does not exist.
    const names = await readdir(here, { encoding: 'buffer' });
    for (const name of names) {
      const path = relative === null ? name : Buffer.concat([relative, slash, name]);
      const full = Buffer.concat([root, slash, path]);
      const stats = await lstat(full);
      if (stats.isSymbolicLink()) guard.add({ type: 'link', path, target: await readlink(full, { encoding: 'buffer' }) });
      else if (stats.isFile()) {
        guard.add({ type: 'file', path, size: stats.size });
        await chmod(full, (stats.mode & 0o111) === 0 ? 0o644 : 0o755);
      } else if (stats.isDirectory()) {
        guard.add({ type: 'directory', path });
        await chmod(full, 0o755);
        await walk(path);
      } else
        throw new DeployError(
          'hostile-tree',
          `${where} was refused: it contains something that is neither a file nor a directory nor a link.`,
        );
    }
  };
  await walk(null);
  guard.finish();
}
