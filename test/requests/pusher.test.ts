// Whose push a head is: the sender says it, of the revision that they moved the branch to and of no other.
import { expect, test } from '@jest/globals';
import type { Repository } from '../../src/core/repository.ts';
import { hookReader } from '../../src/forge/hook-reader.ts';
import { pusherOfHead } from '../../src/requests/pusher.ts';
import { allFixtures } from '../forge/deliveries.ts';

const MOVED_ON = 'f'.repeat(40);
const shop = { name: 'shop', type: 'git', url: 'https://git.example.org/shop.git' } as Repository;

test('a head is the push of whom the forge names with that revision; one that was moved since is nobody’s', () => {
  const forges = new Set<string>();
  for (const { forge, headers, payload } of allFixtures()) {
    const change = hookReader.read({ repository: 'shop', forge, headers, body: Buffer.from(JSON.stringify(payload)), receivedAt: 0 });
    if ('ping' in change || change.actor === null) continue;
    for (const { ref, revision } of change.refs) {
      if (revision === undefined) continue;
      expect(pusherOfHead(shop, change, ref, revision, null)).toMatchObject({ kind: 'pusher', name: change.actor });
      expect(pusherOfHead(shop, change, ref, MOVED_ON, null)).toBeNull();
      expect(pusherOfHead(shop, change, `${ref}x`, revision, null)).toBeNull();
      forges.add(forge);
    }
  }
  expect(forges.size).toBe(10);
});
