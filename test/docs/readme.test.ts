// The documents: what they tell people to do works, and what they link to is there.
import { describe, expect, test } from '@jest/globals';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadConfiguration } from '../../src/config/load.ts';
import { LOCKSTEP, freePort, must, run } from '../lab/workshop.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const readme = await readFile(join(ROOT, 'README.md'), 'utf8');

const blocks = (text: string, language: string): string[] =>
  [...text.matchAll(/```(\w+)\n([\s\S]*?)```/g)].filter(([, name]) => name === language).map(([, , body]) => body ?? '');

describe('the README', () => {
  test('shows a configuration that is valid', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'lockstep-docs-'));
    const [json] = blocks(readme, 'json');
    await writeFile(join(dir, 'branches.config.json'), json ?? '');
    const { configuration } = await loadConfiguration(join(dir, 'branches.config.json'));
    expect([...configuration.clusters.keys()]).toEqual(['production', 'sandbox-{developer}']);
    await rm(dir, { recursive: true });
  });

  test('names only commands and scripts that there are', async () => {
    const lines = blocks(readme, 'sh').join('\n').split('\n');
    const commands = lines.flatMap((line) => /^(?:bin\/lockstep) ([a-z]+(?: (?:install|trust))?)/.exec(line)?.[1] ?? []);
    expect(commands.length).toBeGreaterThan(8);
    for (const command of new Set(commands)) {
      const { code, stdout } = await run(LOCKSTEP, [...command.split(' '), '--help']);
      expect([command, code, stdout]).toEqual([command, 0, expect.stringContaining(`lockstep ${command}`)]);
    }
    for (const [script] of readme.matchAll(/scripts\/[a-z]+/g)) expect(existsSync(join(ROOT, script))).toBe(true);
  });

  test('can be followed from `init` to a valid configuration', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'lockstep-docs-'));
    const said = await must(LOCKSTEP, ['init'], { cwd: dir });
    expect(said).toContain('ssh-ed25519 ');
    expect(await must(LOCKSTEP, ['check'], { cwd: dir })).toContain('is valid');
    expect(await must(LOCKSTEP, ['init'], { cwd: dir })).toContain('is there already');
    await rm(dir, { recursive: true });
  });
});

test('every link of every document leads somewhere', async () => {
  const documents = [
    'README.md',
    'ARCHITECTURE.md',
    'CHANGELOG.md',
    ...(await readdir(join(ROOT, 'docs'), { recursive: true })).map((name) => `docs/${name}`),
  ];
  for (const document of documents.filter((name) => name.endsWith('.md'))) {
    const text = await readFile(join(ROOT, document), 'utf8');
    for (const [, target] of text.matchAll(/\]\((?!https?:)([^)#\s]+)[^)]*\)/g)) {
      expect([document, target, existsSync(join(ROOT, dirname(document), target ?? ''))]).toEqual([document, target, true]);
    }
  }
});

test('the nginx configuration of the documents serves `current`, and the maintenance page while the server is locked', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'lockstep-nginx-'));
  const [server] = blocks(await readFile(join(ROOT, 'docs/web-servers.md'), 'utf8'), 'nginx');
  const site = (server ?? '').replaceAll('/srv/shop', join(dir, 'shop')).replace('listen 80;', 'listen 127.0.0.1:PORT;');
  const port = await freePort();
  await must('mkdir', ['-p', join(dir, 'shop/releases/r1')]);
  await must('chmod', ['755', dir]);
  await must('ln', ['-s', 'releases/r1', join(dir, 'shop/current')]);
  await writeFile(join(dir, 'shop/current/index.html'), 'the page\n');
  await writeFile(join(dir, 'shop/maintenance.html'), 'We are updating the software.\n');
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${dir}/${name};`).join(' ');
  const main = `pid ${dir}/pid; error_log ${dir}/error.log; events {} http { access_log off; ${temporary} ${site.replace('PORT', String(port))} }`;
  await writeFile(join(dir, 'nginx.conf'), main);
  await must('/usr/sbin/nginx', ['-c', join(dir, 'nginx.conf')]);
  try {
    const ask = async (): Promise<[number, string, string | null]> => {
      const response = await fetch(`http://127.0.0.1:${port}/`);
      return [response.status, await response.text(), response.headers.get('retry-after')];
    };
    expect(await ask()).toEqual([200, 'the page\n', null]);
    await writeFile(join(dir, 'shop/maintenance'), '');
    expect(await ask()).toEqual([503, 'We are updating the software.\n', '5']);
    await rm(join(dir, 'shop/maintenance'));
    expect(await ask()).toEqual([200, 'the page\n', null]);
  } finally {
    await must('/usr/sbin/nginx', ['-c', join(dir, 'nginx.conf'), '-s', 'quit']);
    await rm(dir, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }
});
