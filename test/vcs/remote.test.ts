// Repositories on other machines: over ssh with a real sshd, and Git over HTTP with an account.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import { userInfo } from 'node:os';
import { connect } from 'node:net';
import { join } from 'node:path';
import { openVersionControl } from '../../src/vcs/open.ts';
import { makeGitLab } from '../lab/git.ts';
import { freePort, makeSvnLab } from '../lab/svn.ts';
import { until } from '../lab/until.ts';
import { contents, emptyDirectory, never, repositoryOf, temporaryDirectory } from './lab.ts';

const top = temporaryDirectory();
const open = openVersionControl({ directory: join(top, 'repo sitories') });

describe('over ssh', () => {
  const keys = join(top, "the key's place");
  let port = 0;
  let sshd: ChildProcess;

  beforeAll(async () => {
    mkdirSync(keys, { mode: 0o700 });
    for (const name of ['host', 'user', 'other']) execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(keys, name)]);
    port = await freePort();
    const hostKey = readFileSync(join(keys, 'host.pub'), 'utf8').split(' ').slice(0, 2).join(' ');
    writeFileSync(join(keys, 'known hosts'), `[127.0.0.1]:${port} ${hostKey}\n`);
    const plain = join(top, 'sshd');
    mkdirSync(plain, { mode: 0o700 });
    execFileSync('cp', [join(keys, 'host'), join(keys, 'user.pub'), plain]);
    const lines = [
      `Port ${port}`,
      'ListenAddress 127.0.0.1',
      `HostKey ${plain}/host`,
      `AuthorizedKeysFile ${plain}/user.pub`,
      'PidFile none',
      'StrictModes no',
      'UsePAM no',
      'PasswordAuthentication no',
      'PermitRootLogin yes',
    ];
    writeFileSync(join(plain, 'config'), `${lines.join('\n')}\n`);
    if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true });
    sshd = spawn('/usr/sbin/sshd', ['-D', '-e', '-f', join(plain, 'config')], { stdio: 'ignore' });
    await until(() => isOpen(port), { what: 'sshd listens' });
  });
  afterAll(() => void sshd.kill('SIGKILL'));

  const account = userInfo().username;
  const ssh = () => ({ identity: join(keys, 'user'), knownHosts: join(keys, 'known hosts') });

  test('Git works with the identity and the known hosts of the repository', async () => {
    const lab = makeGitLab(top, 'git over ssh');
    const id = lab.commit('servers/demo', { a: '1' });
    const url = `ssh://${account}@127.0.0.1:${port}${lab.bare.replaceAll(' ', '%20')}`;
    const vcs = open(repositoryOf('git', url, { name: 'Shop, über ssh', ...ssh() }));
    expect((await vcs.heads([], never)).get('servers/demo')).toBe(id);
    const out = emptyDirectory(top);
    await vcs.export('servers/demo', id, '.', out, never);
    expect(contents(out)).toEqual({ a: '644 1' });
  });

  test('Subversion works with the identity and the known hosts of the repository', async () => {
    const lab = makeSvnLab(top, 'svn over ssh');
    const revision = lab.write({ 'trunk/a': '1' });
    const url = `svn+ssh://${account}@127.0.0.1:${port}${lab.directory}`;
    const vcs = open(repositoryOf('svn', url, { name: 'portal', ...ssh() }));
    expect(Object.fromEntries(await vcs.heads(['trunk'], never))).toEqual({ trunk: revision });
    expect((await vcs.commit('trunk', revision, never)).message).toBe('a commit');
    const out = emptyDirectory(top);
    await vcs.export('trunk', revision, '.', out, never);
    expect(contents(out)).toEqual({ a: '644 1' });
  });

  test('an unknown host key and a wrong identity are refused with advice', async () => {
    const lab = makeGitLab(top, 'refused');
    lab.commit('main', { a: '1' });
    const url = `ssh://${account}@127.0.0.1:${port}${lab.bare}`;
    writeFileSync(join(keys, 'empty'), '');
    await expect(open(repositoryOf('git', url, { ...ssh(), knownHosts: join(keys, 'empty') })).heads([], never)).rejects.toMatchObject({
      code: 'repository',
      message: expect.stringContaining('Add the host key'),
    });
    await expect(open(repositoryOf('git', url, { ...ssh(), identity: join(keys, 'other') })).heads([], never)).rejects.toMatchObject({
      code: 'repository',
      message: expect.stringContaining('Check the identity'),
    });
  });
});

describe('over HTTP', () => {
  let server: Server;
  let port = 0;
  const password = 'p@ss:w/rd %é';

  beforeAll(async () => {
    server = createServer((request, response) => {
      const expected = `Basic ${Buffer.from(`ann@x:${password}`).toString('base64')}`;
      if (request.headers.authorization !== expected) {
        response.writeHead(401, { 'www-authenticate': 'Basic realm="lab"' }).end();
        return;
      }
      const url = new URL(request.url ?? '/', 'http://x');
      if (url.pathname.startsWith('/moved')) {
        response.writeHead(302, { location: (request.url ?? '').replace('/moved', '/served.git') }).end();
        return;
      }
      const backend = spawn('git', ['http-backend'], {
        env: {
          PATH: process.env['PATH'],
          GIT_PROJECT_ROOT: top,
          GIT_HTTP_EXPORT_ALL: '1',
          PATH_INFO: decodeURIComponent(url.pathname),
          QUERY_STRING: url.search.slice(1),
          REQUEST_METHOD: request.method,
          CONTENT_TYPE: request.headers['content-type'] ?? '',
          GIT_PROTOCOL: String(request.headers['git-protocol'] ?? ''),
          HTTP_CONTENT_ENCODING: request.headers['content-encoding'] ?? '',
          REMOTE_USER: 'ann',
        },
        stdio: ['pipe', 'pipe', 'ignore'],
      });
      request.pipe(backend.stdin);
      const chunks: Buffer[] = [];
      backend.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
      backend.on('close', () => {
        const all = Buffer.concat(chunks);
        const end = all.indexOf('\r\n\r\n');
        const headers = all.subarray(0, end).toString().split('\r\n');
        const status = headers.find((line) => line.startsWith('Status: '))?.slice(8, 11) ?? '200';
        const pairs = headers.filter((line) => !line.startsWith('Status: ')).map((line) => line.split(': ') as [string, string]);
        response.writeHead(Number(status), Object.fromEntries(pairs)).end(all.subarray(end + 4));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
    const address = server.address();
    port = typeof address === 'object' && address !== null ? address.port : 0;
  });
  afterAll(() => void server.close());

  test('Git works with the account of the repository, and redirects are not followed', async () => {
    const lab = makeGitLab(top, 'served');
    const id = lab.commit('main', { a: '1' });
    const passwordFile = join(top, 'password');
    writeFileSync(passwordFile, `${password}\n`, { mode: 0o600 });
    const repository = repositoryOf('git', `http://127.0.0.1:${port}/served.git`, { name: 'served', username: 'ann@x', passwordFile });
    const vcs = open(repository);
    expect((await vcs.heads([], never)).get('main')).toBe(id);
    const out = emptyDirectory(top);
    await vcs.export('main', id, '.', out, never);
    expect(contents(out)).toEqual({ a: '644 1' });

    await expect(open({ ...repository, url: `http://127.0.0.1:${port}/moved` }).heads([], never)).rejects.toMatchObject({
      code: 'repository',
      message: expect.stringContaining('redirects'),
    });
    writeFileSync(passwordFile, 'wrong\n');
    await expect(vcs.heads([], never)).rejects.toMatchObject({ code: 'repository', message: expect.stringContaining('passwordFile') });
    await expect(open({ ...repository, username: null }).heads([], never)).rejects.toMatchObject({
      code: 'repository',
      message: expect.stringContaining('username'),
    });
  });
});

async function isOpen(port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}
