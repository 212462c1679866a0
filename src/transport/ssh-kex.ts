// Which key exchange to prefer. OpenSSH 9.0 to 9.8 prefer sntrup761, which costs six times the CPU of curve25519 for each connection.
import { startChild } from './child.ts';

let asked: Promise<string> | null = null;

/** For `KexAlgorithms`: the preferred ones in front of ssh's own list. ssh refuses names that it does not know, so it is asked first. */
export function preferredKex(): Promise<string> {
  return (asked ??= ask());
}

async function ask(): Promise<string> {
  const child = startChild('ssh', ['-Q', 'kex']);
  child.stdin.end();
  let known = '';
  child.stdout.on('data', (chunk: Buffer) => (known += chunk.toString()));
  await child.ended;
  const lines = new Set(known.split('\n'));
  const preferred = ['mlkem768x25519-sha256', 'curve25519-sha256'].filter((name) => lines.has(name));
  return preferred.length === 0 ? '+curve25519-sha256' : `^${preferred.join(',')}`;
}
