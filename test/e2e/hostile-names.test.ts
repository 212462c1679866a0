// Two thousand names that want to be commands, options and ways out, handed to real git, svn, rsync and ssh: they stay names.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { manifestOf } from '../transport/ground.ts';
import { git, makeGitLab } from '../lab/git.ts';
import { CANARY, hostileNames, hostileUrls, OPTIONS } from '../lab/hostile-names.js';
import { sampleCluster } from '../lab/samples.ts';
import { startSshd } from '../lab/sshd.ts';
import type { Sshd } from '../lab/sshd.ts';
import { makeSvnLab } from '../lab/svn.ts';
import { temporaryDirectory } from '../vcs/lab.ts';

const ATTACK = fileURLToPath(new URL('../lab/hostile-attack.js', import.meta.url));
const SEED = 20_261;
type Told = { counts: Record<string, number | ({ tried: number } & Record<string, number>)>; odd: unknown[] };

const root = temporaryDirectory();
let sshd: Sshd;
beforeAll(async () => {
  sshd = await startSshd();
});
afterAll(() => sshd.stop());

/** What a directory's entry may be called: also the worst names, as long as the file system takes them. */
const isFileName = (name: string): boolean =>
  Buffer.byteLength(name) < 200 && Buffer.from(name).toString() === name && !/[/\0]/.test(name) && !['.', '..', '', '.svn'].includes(name);

async function prepare(): Promise<void> {
  const lab = makeGitLab(root);
  const revision = lab.commit('main', { 'index.html': 'hello\n' });
  const names = hostileNames(350, SEED);
  const isRef = (name: string): boolean => !/[\0-\x20\x7f~^:?*[\\]|\.\.|@\{|\/\/|^\/|\/$|\.$|\ud800|\.lock(\/|$)|(^|\/)\./.test(name);
  const lines = names.filter((name) => isRef(name) && name !== '@' && Buffer.byteLength(name) < 200);
  // Some stand in each other's way as files of refs/heads: one by one, and whichever git takes.
  for (const name of lines) {
    try {
      git(lab.bare, ['update-ref', `refs/heads/${name}`, revision]);
    } catch {
      // It is refused by git itself, and handed to the daemon all the same.
    }
  }
  const svnLab = makeSvnLab(root);
  const paths = hostileNames(150, SEED + 1);
  for (const name of paths.filter((one) => isFileName(one) && !/[\0-\x1f\x7f]/.test(one)).slice(0, 90))
    mkdirSync(join(svnLab.work, 'servers', name), { recursive: true });
  mkdirSync(join(svnLab.work, 'trunk'));
  const svnRevision = svnLab.commit();
  const artifact = join(root, 'artifact');
  mkdirSync(artifact);
  for (const name of hostileNames(500, SEED + 2)
    .filter(isFileName)
    .slice(0, 200))
    writeFileSync(join(artifact, name), name);
  const some = hostileNames(300, SEED + 3);
  const ground = {
    git: { url: lab.bare, revision, names, fetched: 15, revisions: some.slice(0, 60) },
    urls: hostileUrls(250, SEED),
    svn: { url: svnLab.url, revision: svnRevision, names: paths.map((name) => `servers/${name}`), revisions: some.slice(0, 60), asked: 20 },
    hosts: [...OPTIONS, ...some.slice(0, 170)],
    paths: some.filter((name) => isFileName(name)).slice(0, 5),
    releases: some.filter((name) => isFileName(name) && !/[\0-\x1f]/.test(name)).slice(0, 4),
    all: hostileNames(2000, SEED),
    sshd: { port: sshd.port, user: sshd.user },
    cluster: sampleCluster(0, { ssh: { identity: sshd.identity, knownHosts: sshd.knownHosts, keepMs: 0 } }),
    artifact,
    manifest: await manifestOf(artifact),
  };
  writeFileSync(join(root, 'ground.json'), JSON.stringify(ground));
  for (const name of ['cwd', 'home', 'data']) mkdirSync(join(root, name));
}

/** Runs it with every program that it starts on record, arguments and all. */
function attack(): Promise<Told> {
  const traced = ['-f', '--seccomp-bpf', '-qq', '-xx', '-s', '65536', '-e', 'trace=execve', '-e', 'signal=none', '-o', join(root, 'trace')];
  const options = {
    cwd: join(root, 'cwd'),
    env: { PATH: process.env['PATH'], HOME: join(root, 'home') },
    maxBuffer: 64 << 20,
    timeout: 280_000,
  };
  return new Promise((resolve, reject) => {
    execFile('strace', [...traced, process.execPath, ATTACK, root], options, (error, stdout, stderr) => {
      console.log(stderr);
      if (error === null) resolve(JSON.parse(stdout) as Told);
      else reject(new Error(`${error.message}\n${stderr}`));
    });
  });
}

/** The arguments of every program that was started. */
function started(): string[][] {
  const calls: string[][] = [];
  for (const line of readFileSync(join(root, 'trace'), 'latin1').split('\n')) {
    const args = /execve\("[^"]*", \[(.*?)\](?:,|\s|$)/.exec(line)?.[1];
    if (args === undefined || !/ = 0$|<unfinished/.test(line)) continue;
    calls.push(args.split(', ').map((arg) => Buffer.from(arg.replace(/["\\x]/g, ''), 'hex').toString()));
  }
  return calls;
}

/** The program's name; of the agent's own perl that it is that. */
function nameOf([path = '', flag, script = '']: readonly string[]): string {
  const name = path.split('/').at(-1) ?? '';
  return name === 'perl' && flag === '-x' && /\/\.lockstep\/agent-[0-9a-f]{64}$/.test(script) ? 'hands of the agent' : name;
}

test('two thousand hostile names and URLs start no program and no shell text of theirs, and leave no file behind', async () => {
  await prepare();
  const { counts, odd } = await attack();
  const calls = started();
  const programs = new Map<string, number>();
  for (const call of calls) programs.set(nameOf(call), (programs.get(nameOf(call)) ?? 0) + 1);
  const tried = Object.values(counts).reduce<number>((sum, one) => sum + (typeof one === 'number' ? 0 : one.tried), 0);
  console.log(`${tried} attempts, ${calls.length} programs started`, counts, Object.fromEntries(programs));
  expect(odd).toEqual([]);

  // Whatever a shell is given as text holds nothing of theirs, but what stands whole between single quotes, and the canonical URLs that
  // node-svn-ultimate takes: letters, digits and percent signs, none of which means anything to a shell.
  const texts = calls.filter(([program = '', flag]) => /(?:^|\/)(?:ba|da)?sh$/.test(program) && flag === '-c').map((call) => call[2] ?? '');
  const unquoted = [...new Set(texts)].map((text) => text.replace(/'[^']*'|\\'/g, '')).filter((text) => text.includes(CANARY));
  const bare = unquoted.filter((text) => !/^[A-Za-z0-9 ._/:@%=+-]*$/.test(text));
  expect(bare).toEqual([]);
  expect(
    [...programs.keys()].filter((program) => ['touch', 'id', 'perl', 'python3', 'curl', 'wget', 'nc', 'vi', 'less'].includes(program)),
  ).toEqual([]);

  expect(readdirSync(join(root, 'cwd'))).toEqual([]);
  expect(readdirSync(join(root, 'home')).filter((name) => name !== '.ssh')).toEqual([]);
  for (const directory of ['/', tmpdir(), process.cwd(), root, join(root, 'data'), join(root, 'data/repositories')]) {
    expect(readdirSync(directory).filter((name) => name.startsWith(CANARY))).toEqual([]);
  }
  expect(existsSync(join(process.env['HOME'] ?? '/root', CANARY))).toBe(false);
  rmSync(join(root, 'trace'));
}, 300_000);
