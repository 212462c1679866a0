// The visitor: whoever reads two files of a release through the web server never gets two releases.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { join } from 'node:path';
import { localServers, oneCluster } from '../lab/configuration.ts';
import { startWebServer } from '../lab/web-server.ts';
import type { WebServer } from '../lab/web-server.ts';
import { openWorkshop, untilLive } from '../lab/workshop.ts';
import type { Workshop } from '../lab/workshop.ts';

const SERVERS = [1, 2, 3];
const DEPLOYMENTS = 50;

describe('during 50 deployments to three servers', () => {
  let shop: Workshop;
  let web: WebServer[];

  beforeAll(async () => {
    shop = await openWorkshop(({ dir, git }) => oneCluster('demo', git, { servers: localServers(dir, SERVERS), keep: 2 }));
    web = await Promise.all(SERVERS.map((i) => startWebServer(join(shop.dir, `servers/web${i}`), ['a.txt', 'deep/b.txt'])));
    await shop.start();
    await shop.lockstep(['hooks', 'install', shop.git]);
  });

  afterAll(async () => {
    await Promise.all(web.map((one) => one.close()));
    await shop.close();
  });

  test('I1, I3: a visitor sees one release or the maintenance page, never a mix, and all unlocked servers agree', async () => {
    let samples = 0;
    const mixes: string[] = [];
    let isOver = false;
    const ask = async (server: WebServer): Promise<string> => {
      const response = await fetch(server.url);
      const text = await response.text();
      samples += 1;
      if (response.status !== 200) return '';
      const [a, b] = text.split('|');
      if (a !== b) mixes.push(`one server: ${text}`);
      return text;
    };
    const visitor = async (): Promise<void> => {
      while (!isOver) {
        // All servers, then the first again: if the first did not change in between, none may have differed from it.
        const before = await ask(web[0]!);
        const others = await Promise.all(web.slice(1).map(ask));
        const after = await ask(web[0]!);
        if (before !== '' && before === after)
          for (const other of others) if (other !== '' && other !== before) mixes.push(`${before} and ${other}`);
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
    };
    const visiting = visitor();
    for (let i = 1; i <= DEPLOYMENTS; i++) {
      const revision = await shop.commit({ 'a.txt': `${i}\n`, 'deep/b.txt': `${i}\n` });
      await shop.push('HEAD:servers/demo');
      await untilLive(shop, 'demo', revision);
    }
    isOver = true;
    await visiting;
    expect(mixes).toEqual([]);
    expect(samples).toBeGreaterThan(1_000);
  }, 400_000);
});
