// The host keys of a server that the daemon trusts, for somebody else who is to reach it: a relay.
import type { Server } from '../core/server.ts';
import { DeployError } from '../core/errors.ts';
import { startChild } from './child.ts';

/**
 * Lines of sshd(8), SSH_KNOWN_HOSTS FILE FORMAT, for `server.host` alone, whatever its port: from the first of `files` that knows the server.
 * Rejects with `untrusted` if none does.
 */
export async function hostKeysOf(server: Server, files: readonly string[]): Promise<string> {
  const name = server.port === 22 ? server.host : `[${server.host}]:${server.port}`;
  for (const file of files) {
    // Names may be hashed there, and ssh-keygen finds them; a file that is not there knows nobody.
    const child = startChild('ssh-keygen', ['-F', name, '-f', file]);
    child.stdin.end();
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output = (output + chunk.toString()).slice(0, 64 * 1024)));
    await child.ended;
    const lines = output.split('\n').flatMap((line) => {
      const [, marker = '', type, key] = /^(@\S+ )?[^#@\s]\S* ([a-z0-9@.-]+) ([A-Za-z0-9+/=]+)/.exec(line) ?? [];
      return type === undefined || key === undefined ? [] : [`${marker}${server.host} ${type} ${key}\n`];
    });
    if (lines.length > 0) return lines.join('');
  }
  throw new DeployError('untrusted', `no host key of ${server.name} (${name}) is known here; see: lockstep doctor`);
}
