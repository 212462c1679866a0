// Who signed a commit: its ssh signature, checked against a file of trusted keys.
import { access } from 'node:fs/promises';
import { DeployError } from '../core/errors.ts';
import { clean } from './failure.ts';
import { git } from './git-command.ts';
import type { Mirror } from './git-command.ts';

/**
 * The principal of `allowedSigners` (ssh-keygen(1), ALLOWED SIGNERS) whose key signed the commit; `null`: it is not signed, or by none of
 * them. Git runs `ssh-keygen -Y verify`; keyrings of GnuPG are not asked. Throws `configuration` when the file cannot be read.
 */
export async function signerOf(mirror: Mirror, id: string, allowedSigners: string, signal: AbortSignal): Promise<string | null> {
  await access(allowedSigners).catch((error: unknown) => {
    throw new DeployError('configuration', `the file of allowed signers ${allowedSigners} cannot be read: ${(error as Error).message}`);
  });
  const settings = [`gpg.ssh.allowedSignersFile=${allowedSigners}`, 'gpg.program=/bin/false', 'gpg.x509.program=/bin/false'];
  const args = [
    ...settings.flatMap((setting) => ['-c', setting]),
    'log',
    '-1',
    '--no-color',
    '--no-patch',
    '--format=%G?%x00%GS',
    id,
    '--',
  ];
  const said = (await git(mirror, { tried: `checking the signature of commit ${id} of ${mirror.title}`, args, signal })).toString();
  const [verdict, signer = ''] = said.trim().split('\0');
  // U: signed well by a key that the file does not name.
  return verdict === 'G' ? clean(signer) : null;
}
