// Promise I11: no secret in a log, argument list, artifact, journal, page or API answer, also when builds and commands print it on purpose.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdir, readFile, readdir, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { DeploymentView } from '../../src/core/views.ts';
import { startSshd } from '../lab/sshd.ts';
import type { Sshd } from '../lab/sshd.ts';
import { until } from '../lab/until.ts';
import { openWorkshop } from '../lab/workshop.ts';
import type { Workshop } from '../lab/workshop.ts';

/** Fifty: words, sentences, what needs quoting everywhere, other scripts, long ones, a key of several lines. */
const SECRETS: Record<string, string> = Object.fromEntries(
  Array.from({ length: 50 }, (_, i): [string, string] => {
    const random = randomBytes(9 + (i % 5) * 8).toString('base64url');
    const kinds = [random, `${random} & "two" 'words' = 100%`, `p/a+s?s#${random}~!*()`, `ключ ${random} 鍵`, `\\n$(${random})\`\t`];
    return [`SECRET_${i}`, i === 7 ? `-----BEGIN KEY-----\n${random}${random}\n${random}\n-----END KEY-----` : (kinds[i % 5] ?? random)];
  }),
);

const formsOf = (value: string): string[] => [
  value,
  Buffer.from(value).toString('base64'),
  Buffer.from(value).toString('base64url'),
  Buffer.from(value).toString('hex'),
  encodeURIComponent(value),
];
const NEEDLES = Object.values(SECRETS).flatMap(formsOf);
const BYTES = NEEDLES.map((needle) => Buffer.from(needle));
const found = (text: Buffer | string): string[] => {
  const bytes = Buffer.from(text);
  return NEEDLES.filter((_, i) => bytes.includes(BYTES[i] as Buffer));
};

/** Prints what a URL answers, a few characters at a time. */
const PRINTER = `
const text = await (await fetch(process.argv[2])).text();
for (let i = 0; i < text.length; i += 11) {
  await new Promise((resolve) => process.stdout.write(text.slice(i, i + 11), resolve));
  if (i % 5 === 0) await new Promise(setImmediate);
}`;

describe('fifty secrets that a build and commands print on purpose', () => {
  let leak: Server;
  let sshd: Sshd;
  let shop: Workshop;
  let url: string;
  let health = 200;
  const inArguments = new Set<string>();
  let isWatching = true;
  let sweeps = 0;
  let watching: Promise<void>;

  beforeAll(async () => {
    leak = createServer((request, response) => {
      const isHealth = request.url?.startsWith('/health') === true;
      response.writeHead(isHealth ? health : 200).end(`everything:\n${NEEDLES.join('\n')}\n`);
    });
    await new Promise<void>((resolve) => leak.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(leak.address() as AddressInfo).port}`;
    sshd = await startSshd({ addresses: ['127.0.10.1'] });
    const references = Object.keys(SECRETS).map((name, i): [string, unknown] => [
      name,
      [{ file: `ops/${name}` }, { environment: name }, { command: `cat "$OPS/${name}"` }][i % 3],
    ]);
    shop = await openWorkshop(({ dir, git }) => ({
      project: 'shop',
      repositories: { shop: { type: 'git', url: git } },
      branches: [
        {
          repository: 'shop',
          branch: 'servers/demo',
          clusters: ['demo'],
          build: { command: `node print.mjs ${url}/build && sh build.sh`, output: 'dist' },
        },
      ],
      clusters: {
        demo: {
          environment: 'test',
          ssh: { identity: sshd.identity, knownHosts: sshd.knownHosts },
          servers: [
            { name: 'local', path: join(dir, 'servers/local') },
            { name: 'ssh', host: '127.0.10.1', port: sshd.port, user: sshd.user, path: join(dir, 'servers/ssh') },
          ],
          files: 'ops/files',
          secrets: Object.fromEntries(references),
          commands: { flush: `${process.execPath} print.mjs ${url}/flush; cat config/secrets; sh after.sh` },
          verify: { http: [`${url}/health`], timeout: '1s' },
        },
      },
    }));
    const ops = join(shop.dir, 'ops');
    await mkdir(join(ops, 'files/all/config'), { recursive: true });
    await writeFile(join(ops, 'files/all/print.mjs'), PRINTER);
    const template = Object.keys(SECRETS).map((name) => `${name}={{ secret ${name} }}\n`);
    await writeFile(join(ops, 'files/all/config/secrets.template'), template.join(''));
    for (const [name, value] of Object.entries(SECRETS)) await writeFile(join(ops, name), `${value}\n`);
    await shop.start(undefined, { ...SECRETS, OPS: ops });
    await shop.lockstep(['hooks', 'install', shop.git]);
    watching = watchArguments();
  });

  afterAll(async () => {
    isWatching = false;
    await watching;
    await shop.close();
    await sshd.stop();
    await new Promise((resolve) => leak.close(resolve));
  });

  async function watchArguments(): Promise<void> {
    while (isWatching) {
      for (const name of readdirSync('/proc')) {
        if (!/^\d+$/.test(name)) continue;
        try {
          for (const needle of found(readFileSync(`/proc/${name}/cmdline`))) inArguments.add(`${needle} of ${name}`);
        } catch {
          // It has just ended.
        }
      }
      sweeps += 1;
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }

  async function push(files: Record<string, string>): Promise<DeploymentView> {
    const before = (await shop.status('demo')).deployment;
    await shop.commit({ 'print.mjs': PRINTER, 'dist/index.html': 'x\n', ...files });
    await shop.push('HEAD:servers/demo');
    const number = await until(
      async () => {
        const view = await shop.status('demo');
        return view.deployment !== before && view.state === 'idle' ? view.deployment : null;
      },
      { what: 'the deployment ends', timeoutMs: 50_000 },
    );
    return shop.show(number);
  }

  const logOf = (number: number): Promise<string> => readFile(join(shop.data, 'logs', `${number}.log`), 'utf8');

  test('reach the servers, for the account alone; what is printed is masked in the log', async () => {
    const view = await push({ 'build.sh': 'true\n', 'dist/after.sh': 'true\n' });
    expect([view.result, view.problem]).toEqual(['done', null]);
    const expected = Object.entries(SECRETS).map(([name, value]) => `${name}=${value}\n`);
    for (const name of ['local', 'ssh'])
      expect(await readFile(join(shop.dir, `servers/${name}/current/config/secrets`), 'utf8')).toBe(expected.join(''));
    const log = await logOf(view.number);
    expect(log).toMatch(/everything:\n(••••\n)+/);
    expect(log).toContain('SECRET_49=••••\n');
    expect(found(log)).toEqual([]);
  });

  test('a build, a command and a check that fail say nothing of them either', async () => {
    const ends = [];
    ends.push(await push({ 'build.sh': 'exit 3\n', 'dist/after.sh': 'true\n' }));
    health = 500;
    ends.push(await push({ 'build.sh': 'true\n', 'dist/after.sh': 'true\n' }));
    health = 200;
    ends.push(await push({ 'build.sh': 'true\n', 'dist/after.sh': 'exit 4\n' }));
    expect(ends.map(({ result, problem }) => [result, problem?.code])).toEqual([
      ['failed', 'build'],
      ['rolled-back', 'verification'],
      ['failed', 'command'],
    ]);
    for (const { problem, number } of ends) {
      expect(problem?.detail).toContain('••••');
      expect(found(`${problem?.detail ?? ''}${problem?.message ?? ''}${await logOf(number)}`)).toEqual([]);
    }
  });

  test('none of them is in any file of the daemon: journal, logs, artifacts, mirrors', async () => {
    const read: string[] = [];
    const walk = async (directory: string): Promise<void> => {
      // Directories of a session come and go.
      for (const entry of await readdir(directory, { withFileTypes: true }).catch(() => [])) {
        const path = join(directory, entry.name);
        if (entry.isDirectory()) await walk(path);
        else if (entry.isFile()) {
          expect([path, found(await readFile(path))]).toEqual([path, []]);
          read.push(path.slice(shop.data.length + 1));
        }
      }
    };
    await walk(shop.data);
    expect(read).toEqual(
      expect.arrayContaining([expect.stringMatching(/sqlite|\.db/), expect.stringMatching(/-wal$/), 'logs/1.log', 'daemon.log']),
    );
    expect(read).toEqual(expect.arrayContaining([expect.stringMatching(/^artifacts\//)]));
  });

  test('none of them is in any answer of the API, nor on the page', async () => {
    const token = (await readFile(join(shop.data, 'token'), 'utf8')).trim();
    const ask = async (path: string): Promise<{ status: number; text: string }> => {
      const response = await fetch(`${shop.url}${path}`, {
        headers: { authorization: `Bearer ${token}` },
        // The feed of events goes on for ever.
        signal: AbortSignal.timeout(2_000),
      });
      let text = '';
      try {
        for await (const chunk of response.body ?? []) text += Buffer.from(chunk as Uint8Array).toString();
      } catch (error) {
        if ((error as Error).name !== 'TimeoutError') throw error;
      }
      return { status: response.status, text };
    };
    const { paths } = JSON.parse((await ask('/api/v1/openapi.json')).text) as { paths: Record<string, Record<string, unknown>> };
    const routes = Object.entries(paths).flatMap(([path, operations]) => ('get' in operations ? [path] : []));
    const asked = routes.flatMap((path) =>
      [1, 2, 3, 4].map((number) => path.replace('{name}', 'demo').replace('{number}', String(number))),
    );
    for (const path of new Set([...asked, '/api/v1/events?after=0', '/'])) {
      const { status, text } = await ask(path);
      expect([path, status < 500, found(text)]).toEqual([path, true, []]);
    }
    expect(asked.length).toBeGreaterThan(20);
  });

  test('none of them was ever in the arguments of a process, on this machine or on the servers', () => {
    expect([...inArguments]).toEqual([]);
    expect(sweeps).toBeGreaterThan(50);
  });

  test('nor does one lie on a server where another account could read it', async () => {
    const places: string[] = [];
    const isGone = (error: NodeJS.ErrnoException): Buffer => {
      if (error.code === 'ENOENT') return Buffer.alloc(0);
      throw error;
    };
    const walk = async (directory: string): Promise<void> => {
      // Directories of a session come and go, and what is being brought is renamed.
      for (const entry of await readdir(directory, { withFileTypes: true }).catch(() => [])) {
        const path = join(directory, entry.name);
        if (entry.isDirectory()) await walk(path);
        else if (entry.isFile() && found(await readFile(path).catch(isGone)).length > 0) places.push(path);
      }
    };
    await walk(join(shop.dir, 'servers'));
    const files = places.filter((path) => /\/\.lockstep\/files\/[^/]+\/config\/secrets$/.test(path));
    expect(files.length).toBeGreaterThan(0);
    for (const path of files) expect((await stat(path)).mode & 0o777).toBe(0o600);
    // What the commands themselves printed is in the record of how they ended, or, until they have, in the file that they print into.
    const records = places.filter((path) => /\/\.lockstep\/operations\/[^/]+\/(answer|output)$/.test(path));
    for (const name of ['local', 'ssh'])
      expect((await stat(join(shop.dir, `servers/${name}/.lockstep/operations`))).mode & 0o777).toBe(0o700);
    expect([...files, ...records].sort()).toEqual(places.sort());
  });
});
