// Small files for git and svn to read: replaced as a whole, readable for the daemon's account only.
import { rename, rm, symlink, writeFile } from 'node:fs/promises';

let count = 0;

/** Replaces a file in one step, so that a git or svn that starts at the same time reads the old text or the new one. */
export async function replaceFile(file: string, text: string): Promise<void> {
  const aside = `${file}.${process.pid}-${++count}`;
  await writeFile(aside, text, { mode: 0o600 });
  await rename(aside, file);
}

/** Replaces a symbolic link in one step. */
export async function replaceLink(link: string, target: string): Promise<void> {
  const aside = `${link}.${process.pid}-${++count}`;
  await symlink(target, aside);
  await rename(aside, link).catch(async (error: unknown) => {
    await rm(aside, { force: true });
    throw error;
  });
}
