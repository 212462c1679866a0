// What people and accidents leave on servers: the next deployment publishes the new release all the same, and what cannot be removed only warns.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { oneCluster } from '../lab/configuration.ts';
import { startSshd } from '../lab/sshd.ts';
import type { Sshd } from '../lab/sshd.ts';
import { must, openWorkshop } from '../lab/workshop.ts';
import type { Workshop } from '../lab/workshop.ts';

describe('a local server and one over ssh', () => {
  let sshd: Sshd;
  let shop: Workshop;
  let paths: string[];

  beforeAll(async () => {
    sshd = await startSshd();
    shop = await openWorkshop(({ dir, git }) =>
      oneCluster('demo', git, {
        ssh: { identity: sshd.identity, knownHosts: sshd.knownHosts },
        servers: [
          { name: 'here', path: join(dir, 'servers/here') },
          { name: 'there', host: '127.0.0.1', port: sshd.port, user: sshd.user, path: join(dir, 'servers/there') },
        ],
        keep: 1,
        keepFailed: 0,
      }),
    );
    paths = ['here', 'there'].map((name) => join(shop.dir, 'servers', name));
    await shop.start();
  });

  afterAll(async () => {
    await shop.close();
    await sshd.stop();
  });

  const pages = (): string[] => paths.map((path) => readFileSync(join(path, 'current/index.html'), 'utf8'));

  async function deploy(text: string): Promise<{ code: number; warnings: (string | null)[]; release: string }> {
    await shop.commit({ 'index.html': text, 'assets/app.js': 'the same in all releases' });
    await shop.push('HEAD:servers/demo');
    const { code } = await shop.lockstep(['deploy', 'demo', '--wait']);
    const { deployment, release } = await shop.status('demo');
    return { code, warnings: (await shop.show(deployment ?? 0)).servers.map(({ warning }) => warning), release: release?.id ?? '' };
  }

  test('whose directories hold stale links, half a release, an old lock, an old agent and an old preview, get the new release', async () => {
    expect(await deploy('one')).toMatchObject({ code: 0, warnings: [null, null] });
    for (const path of paths) {
      const put = async (name: string, content: string): Promise<void> => {
        await mkdir(join(path, name, '..'), { recursive: true });
        await writeFile(join(path, name), content);
      };
      const number = ((await shop.status('demo')).deployment ?? 0) + 1;
      // Of a deployment that nobody remembers, of the next one, and of ours.
      for (const name of ['.current.x', '.current.next', `.current.${number}-0-6`]) await symlink('releases/nowhere', join(path, name));
      await put('releases/shop_test_half/index.html', 'half');
      await put('.lockstep/incoming/shop_test_half/index.html', 'half');
      await put('.lockstep/incoming/.half.shop_test_half/index.html', 'half');
      await put('.lockstep/releases/shop_test_gone', `${'0'.repeat(64)}\n`);
      await put('.lockstep/agent-0000', '#!/bin/sh\nexit 1\n');
      await put('.lockstep/session.999999999/payload', 'old');
      await put('.lockstep/epoch.new.1', '7');
      await put('maintenance', '');
      await put('.lockstep/lock', '7-abcdef 1 00000000-0000-0000-0000-000000000000 99999999 shop_test_half .\n');
      await rm(join(path, 'next'), { force: true });
      await symlink('releases/shop_test_gone', join(path, 'next'));
    }
    const { code, release } = await deploy('two');
    expect([code, pages()]).toEqual([0, ['two', 'two']]);
    for (const path of paths) {
      expect(readlinkSync(join(path, 'current'))).toBe(`releases/${release}`);
      expect(existsSync(join(path, 'maintenance'))).toBe(false);
      expect(readdirSync(path).filter((name) => name.startsWith('.current'))).toEqual([]);
      expect(readdirSync(join(path, '.lockstep/incoming'))).toEqual([]);
      const own = readdirSync(join(path, '.lockstep'));
      expect(own.filter((name) => /^agent-[0-9a-f]+$/.test(name))).toHaveLength(1);
      expect(own.filter((name) => name === 'session.999999999' || name === 'lock')).toEqual([]);
    }
  }, 120_000);

  test('which a lock of this boot still holds, with another token, get the new release too', async () => {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    const uptime = Math.floor(Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]));
    for (const path of paths) {
      await writeFile(join(path, 'maintenance'), '');
      await writeFile(join(path, '.lockstep/lock'), `1-deadbeef 1 ${boot} ${uptime + 600} - .\n`);
    }
    expect((await deploy('three')).code).toBe(0);
    expect(pages()).toEqual(['three', 'three']);
    for (const path of paths) expect(existsSync(join(path, 'maintenance'))).toBe(false);
  }, 120_000);

  const why = immutability();
  (why === null ? test : test.skip)(
    `whose old releases cannot be removed warn, and are deployed to all the same${why === null ? '' : ` (${why})`}`,
    async () => {
      const old = readlinkSync(join(paths[0]!, 'current'));
      const stuck = [join(paths[0]!, old), join(paths[1]!, old, 'assets/app.js')];
      try {
        // A whole directory here, one file there that all releases share.
        await must('chattr', ['+i', ...stuck]);
        for (const text of ['four', 'five', 'six']) expect((await deploy(text)).code).toBe(0);
        const { code, warnings } = await deploy('seven');
        expect([code, pages()]).toEqual([0, ['seven', 'seven']]);
        expect(warnings).toEqual([
          expect.stringMatching(/Operation not permitted/),
          expect.stringMatching(/app\.js.*Operation not permitted/),
        ]);
      } finally {
        for (const path of paths)
          execFileSync('find', [path, '(', '-type', 'f', '-o', '-type', 'd', ')', '-exec', 'chattr', '-i', '{}', '+']);
      }
      // As soon as they can be removed, they are.
      expect(await deploy('eight')).toMatchObject({ code: 0, warnings: [null, null] });
      for (const path of paths) {
        expect(existsSync(join(path, old))).toBe(false);
        expect(readdirSync(join(path, '.lockstep/incoming'))).toEqual([]);
      }
    },
    180_000,
  );
});

/** Why files cannot be made immutable here; `null`: they can. */
function immutability(): string | null {
  if (process.getuid?.() !== 0) return 'only root can make files immutable';
  const probe = execFileSync('mktemp').toString().trim();
  try {
    execFileSync('chattr', ['+i', probe], { stdio: 'ignore' });
    execFileSync('chattr', ['-i', probe], { stdio: 'ignore' });
    return null;
  } catch {
    return 'chattr +i does not work on this file system';
  } finally {
    execFileSync('rm', ['-f', probe]);
  }
}
