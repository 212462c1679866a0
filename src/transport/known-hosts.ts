// Host keys that are trusted: asked of the servers once, when an operator says so, and pinned from then on.
import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { DeployError } from '../core/errors.ts';
import type { Server } from '../core/server.ts';
import { startChild } from './child.ts';
import { readIfThere } from './identity.ts';
import { endedBy } from './ssh-failure.ts';

/** `type` as in `ssh-ed25519`; `fingerprint` as ssh prints it: `SHA256:…`; `isNew`: it was not in the file before. */
export type TrustedKey = { readonly type: string; readonly fingerprint: string; readonly isNew: boolean };

/**
 * Asks the server for its host keys and adds those that the file lacks. The operator compares the fingerprints with what the server
 * itself says. Rejects with DeployError `unreachable`, or `untrusted` if the server shows another key than the file knows.
 */
export async function trust(server: Server, file: string): Promise<readonly TrustedKey[]> {
  const name = server.port === 22 ? server.host : `[${server.host}]:${server.port}`;
  const shown = await scan(server);
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const text = (await readIfThere(file)) ?? '';
  const known = new Map(
    text.split('\n').flatMap((line) => {
      const [names = '', type = '', key = ''] = line.split(' ');
      return names.split(',').includes(name) ? [[type, key] as const] : [];
    }),
  );
  for (const { type, key } of shown) {
    const old = known.get(type);
    if (old === undefined || old === key) continue;
    const message =
      `the host key of ${server.name} has changed: ${file} knows ${fingerprint(old)}, the server shows ${fingerprint(key)}. ` +
      `If you know why, remove the old one with: ssh-keygen -R '${name}' -f ${file}`;
    throw new DeployError('untrusted', message);
  }
  const missing = shown.filter(({ type }) => !known.has(type));
  const separator = text === '' || text.endsWith('\n') ? '' : '\n';
  const added = missing.map(({ type, key }) => `${name} ${type} ${key}\n`).join('');
  if (missing.length > 0) await writeFile(file, separator + added, { flag: 'a', mode: 0o600 });
  return shown.map(({ type, key }) => ({ type, fingerprint: fingerprint(key), isNew: !known.has(type) }));
}

async function scan(server: Server): Promise<{ type: string; key: string }[]> {
  if (!/^[A-Za-z0-9.:_][A-Za-z0-9.:_-]*$/.test(server.host)) {
    throw new DeployError('configuration', `${server.name}: ${JSON.stringify(server.host)} is not a host name`);
  }
  const child = startChild('ssh-keyscan', ['-T', '5', '-p', String(server.port), '-t', 'ed25519,ecdsa,rsa', server.host]);
  child.stdin.end();
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output = (output + chunk.toString()).slice(0, 64 * 1024)));
  const ended = await child.ended;
  const keys = output.split('\n').flatMap((line) => {
    const found = /^[^#\s]\S* ((?:ssh|ecdsa)-[a-z0-9-]+) ([A-Za-z0-9+/=]+)$/.exec(line);
    return found?.[1] !== undefined && found[2] !== undefined ? [{ type: found[1], key: found[2] }] : [];
  });
  if (keys.length > 0) return keys.sort((a, b) => (a.type < b.type ? -1 : 1));
  const why = endedBy('ssh-keyscan', ended);
  throw new DeployError('unreachable', `${server.name} (${server.host}, port ${server.port}) showed no host key: ${why}`);
}

/** As `ssh-keygen -l` prints it. */
function fingerprint(key: string): string {
  return `SHA256:${createHash('sha256').update(Buffer.from(key, 'base64')).digest('base64').replace(/=+$/, '')}`;
}
