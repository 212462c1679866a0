// The doctor: each finding with its remedy, and an exit code that says whether something fails.
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DeployError } from '../../src/core/errors.ts';
import { overviewView, run, startStandIn } from './stand-in.ts';
import type { StandIn } from './stand-in.ts';

let daemon: StandIn;
let directory: string;

beforeEach(async () => {
  daemon = await startStandIn();
  daemon.answers.set('GET /api/v1/clusters', { json: overviewView([]) });
  directory = await mkdtemp(join(tmpdir(), 'lockstep-cli-'));
  await mkdir(join(directory, 'var'), { mode: 0o700 });
  await mkdir(join(directory, 'bin'));
  for (const [name, script] of Object.entries(PROGRAMS)) await program(name, script);
});

afterEach(async () => {
  await daemon.stop();
  await rm(directory, { recursive: true, force: true });
});

const PROGRAMS = {
  git: 'echo git version 2.39.5',
  svn: 'echo 1.14.2',
  rsync: 'echo "rsync  version 3.5.2  protocol version 32"',
  ssh: 'echo OpenSSH_9.2p1 >&2',
  sh: 'exit 9',
  flock: 'exit 1',
};

async function program(name: string, script: string): Promise<void> {
  await writeFile(join(directory, 'bin', name), `#!/bin/sh\n${script}\n`);
  await chmod(join(directory, 'bin', name), 0o755);
}

const doctor = (argv: string[] = [], options = {}) =>
  run(['doctor', ...argv], { url: daemon.url, cwd: directory, env: { PATH: join(directory, 'bin') }, ...options });

test('when all is well every line is ok and the exit code 0', async () => {
  const { exit, stdout, stderr } = await doctor();
  expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
  expect(stdout).toMatch(/^✓ ok {4}configuration +\.\/branches\.config\.json is valid$/m);
  expect(stdout).toMatch(/^✓ ok {4}data directory +\.\/var: .* free$/m);
  expect(stdout).toMatch(/^✓ ok {4}git +.*bin\/git: git version 2\.39\.5$/m);
  expect(stdout).toMatch(/^✓ ok {4}ssh +.*bin\/ssh: OpenSSH_9\.2p1$/m);
  expect(stdout).toMatch(/^✓ ok {4}daemon +answers at http:\/\/127\.0\.0\.1:\d+, version 9\.8\.7$/m);
  expect(stdout).toMatch(/\n10 ok, 0 warn, 0 fail\n$/);
});

test('every finding says what to do, and the exit code is 1 when something fails', async () => {
  await daemon.stop();
  await rm(join(directory, 'bin', 'rsync'));
  await rm(join(directory, 'bin', 'svn'));
  await rm(join(directory, 'var'), { recursive: true });
  const checkConfiguration = () => Promise.reject(new DeployError('configuration', 'branches: is missing'));
  const { exit, stdout } = await doctor([], { wiring: { checkConfiguration } });
  expect(exit).toBe(1);
  expect(stdout).toMatch(/^✗ fail {2}configuration +branches: is missing\n {8}→ edit \.\/branches\.config\.json/m);
  expect(stdout).toMatch(/^! warn {2}data directory +\.\/var does not exist yet\n {8}→ make it: lockstep init/m);
  expect(stdout).toMatch(
    /^✗ fail {2}rsync +not found in PATH; it is needed for uploads\n {8}→ install it, on Debian: apt-get install rsync/m,
  );
  expect(stdout).toMatch(/^! warn {2}svn +not found in PATH/m);
  expect(stdout).toMatch(/^✗ fail {2}daemon +No daemon answers at .*\n {8}→ start it: lockstep daemon/m);
  expect(stdout).toMatch(/^! warn {2}servers +not asked, because the configuration is not valid/m);
  daemon = await startStandIn();
});

test('an old rsync and a data directory that everybody can read are warnings, and warnings are exit 0', async () => {
  await program('rsync', 'echo "rsync  version 3.2.7  protocol version 31"');
  await chmod(join(directory, 'var'), 0o755);
  const { exit, stdout } = await doctor();
  expect(exit).toBe(0);
  expect(stdout).toMatch(/^! warn {2}rsync .*3\.2\.7.*versions before 3\.4\.3 have known security holes/m);
  expect(stdout).toMatch(/is open to everybody on this machine; it holds the token and secrets\n {8}→ chmod o-rwx \.\/var/);
});

test('what the daemon knows to be wrong is told, and so is each server', async () => {
  daemon.answers.set('GET /api/v1/clusters', {
    json: overviewView([], { configurationProblem: 'clusters: typo', storeProblem: 'ENOSPC' }),
  });
  const checkServers = () =>
    Promise.resolve([
      { cluster: 'demo', server: 'web1', state: 'ok' as const, message: 'answers', remedy: null },
      { cluster: 'demo', server: 'web2', state: 'warn' as const, message: 'rsync 3.1', remedy: 'upgrade rsync' },
    ]);
  const { exit, stdout } = await doctor(['--json'], { wiring: { checkServers } });
  expect(exit).toBe(1);
  const { ok, checks } = JSON.parse(stdout) as {
    ok: boolean;
    checks: { name: string; state: string; message: string; remedy: string | null }[];
  };
  expect(ok).toBe(false);
  expect(checks.filter(({ state }) => state !== 'ok').map(({ name, message }) => `${name}: ${message}`)).toEqual([
    'daemon: works with an older configuration: clusters: typo',
    'daemon: cannot write its journal: ENOSPC',
    'server web2 of demo: rsync 3.1',
  ]);
});
