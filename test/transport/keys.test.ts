// Keys: the daemon's own, and the servers' that are trusted.
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureIdentity } from '../../src/transport/identity.ts';
import { trust } from '../../src/transport/known-hosts.ts';
import { startSshd } from '../lab/sshd.ts';
import { codeOf } from './ground.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'lockstep-keys-'));
});
afterEach(async () => rm(directory, { recursive: true, force: true }));

test('the daemon’s key is made once, for its own eyes only', async () => {
  const place = join(directory, 'ssh');
  const key = await ensureIdentity(place);
  expect(key).toMatch(/^ssh-ed25519 [A-Za-z0-9+/=]+ lockstep$/);
  expect(await ensureIdentity(place)).toBe(key);
  expect(statSync(place).mode & 0o777).toBe(0o700);
  expect(statSync(join(place, 'id_ed25519')).mode & 0o777).toBe(0o600);
});

test('a server’s keys are added once, shown as ssh shows them, and never replaced', async () => {
  const sshd = await startSshd();
  const server = { name: 'web1', transport: 'ssh' as const, host: '127.0.0.1', port: sshd.port, user: null, path: '/srv/app' };
  const file = join(directory, 'ssh', 'known_hosts');
  try {
    const [key] = await trust(server, file);
    expect(key).toMatchObject({ type: 'ssh-ed25519', isNew: true });
    expect(execFileSync('ssh-keygen', ['-lf', join(sshd.directory, 'host.pub')], { encoding: 'utf8' })).toContain(key!.fingerprint);
    expect((await trust(server, file))[0]).toEqual({ ...key, isNew: false });
    expect(readFileSync(file, 'utf8')).toBe(readFileSync(sshd.knownHosts, 'utf8'));
    writeFileSync(
      file,
      readFileSync(file, 'utf8').replace(/ \S+\n$/, ` ${readFileSync(join(sshd.directory, 'user.pub'), 'utf8').split(' ')[1]!}`),
    );
    const before = readFileSync(file, 'utf8');
    expect(await codeOf(trust(server, file))).toBe('untrusted');
    expect(readFileSync(file, 'utf8')).toBe(before);
  } finally {
    await sshd.stop();
  }
});

test('a server that does not answer, or cannot be named, is not trusted', async () => {
  const server = { name: 'web1', transport: 'ssh' as const, host: '127.0.0.1', port: 1, user: null, path: '/srv/app' };
  expect(await codeOf(trust(server, join(directory, 'known_hosts')))).toBe('unreachable');
  expect(await codeOf(trust({ ...server, host: '-f/etc/passwd' }, join(directory, 'known_hosts')))).toBe('configuration');
});
