// What carries a release: a pack where a server can unpack it, rsync where it is wanted, and rsync again where a base is not what it was.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startSshd } from '../lab/sshd.ts';
import type { Sshd } from '../lab/sshd.ts';
import { openWorkshop } from '../lab/workshop.ts';
import type { Workshop } from '../lab/workshop.ts';

describe('two clusters of one branch, one of them with rsync only', () => {
  let sshd: Sshd;
  let shop: Workshop;
  const clusters = ['packs', 'portable'] as const;

  beforeAll(async () => {
    sshd = await startSshd();
    shop = await openWorkshop(({ dir, git }) => {
      const cluster = (name: string) => ({
        environment: 'test',
        ssh: { identity: sshd.identity, knownHosts: sshd.knownHosts },
        servers: [
          { name: 'here', path: join(dir, name, 'here') },
          { name: 'there', host: '127.0.0.1', port: sshd.port, user: sshd.user, path: join(dir, name, 'there') },
        ],
      });
      return {
        project: 'shop',
        repositories: { shop: { type: 'git', url: git } },
        branches: [{ repository: 'shop', branch: 'main', clusters: [...clusters] }],
        clusters: { packs: cluster('packs'), portable: { ...cluster('portable'), carrier: 'rsync', cloneAhead: false } },
      };
    });
    await shop.start();
  });

  afterAll(async () => {
    await shop.close();
    await sshd.stop();
  });

  const path = (cluster: string, server = 'here'): string => join(shop.dir, cluster, server);
  const page = (cluster: string, server: string): string => readFileSync(join(path(cluster, server), 'current/index.html'), 'utf8');

  /** What carried the release, server by server, cluster by cluster. */
  async function deploy(text: string): Promise<(string | null)[]> {
    await shop.commit({ 'index.html': text, 'assets/app.js': 'the same in all releases', 'assets/deep/one.js': 'one' });
    await shop.push('HEAD:main');
    const carriers: (string | null)[] = [];
    for (const cluster of clusters) {
      const { code, stderr } = await shop.lockstep(['deploy', cluster, '--wait']);
      expect([code, stderr]).toEqual([0, '']);
      const { deployment } = await shop.status(cluster);
      carriers.push(...(await shop.show(deployment ?? 0)).servers.map((server) => server.carrier));
      for (const server of ['here', 'there']) expect(page(cluster, server)).toBe(text);
    }
    return carriers;
  }

  test('each gets its releases by its own carrier, and says so; a clone waits where it is wanted', async () => {
    expect(await deploy('one')).toEqual(['full', 'full', 'full-rsync', 'full-rsync']);
    expect(await deploy('two')).toEqual(['delta', 'delta', 'delta-rsync', 'delta-rsync']);
    expect((await shop.lockstep(['plan', 'packs'])).stdout).toContain('send what changed as one pack');
    expect((await shop.lockstep(['plan', 'portable'])).stdout).toContain('send what changed with rsync');
    const { release } = await shop.status('packs');
    expect(readdirSync(join(path('packs'), '.lockstep/next'))).toEqual([release?.id]);
    expect(existsSync(join(path('portable'), '.lockstep/next'))).toBe(false);
    expect((await shop.lockstep(['drift', 'packs'])).code).toBe(0);
  });

  test('a clone that was damaged meanwhile is made anew, and a damaged base is repaired', async () => {
    const next = join(path('packs'), '.lockstep/next');
    const [clone = ''] = readdirSync(next);
    rmSync(join(next, clone, 'assets'), { recursive: true });
    expect(await deploy('three')).toEqual(['delta', 'delta', 'delta-rsync', 'delta-rsync']);
    expect(readFileSync(join(path('packs'), '.lockstep/log'), 'utf8')).toMatch(/the clone of \S+ that was ready is damaged/);
    for (const server of ['here', 'there']) {
      for (const cluster of clusters) writeFileSync(join(path(cluster, server), 'current/assets/app.js'), 'changed by hand');
    }
    expect(await deploy('four')).toEqual(['delta', 'delta', 'delta-rsync', 'delta-rsync']);
    for (const server of ['here', 'there']) {
      for (const cluster of clusters)
        expect(readFileSync(join(path(cluster, server), 'current/assets/app.js'), 'utf8')).toBe('the same in all releases');
    }
  });
});
