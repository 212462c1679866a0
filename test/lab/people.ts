// People as the daemon knows them, in a database of their own.
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Witnessed } from '../../src/core/people.ts';
import { createPeople } from '../../src/people/people.ts';
import type { PeopleTools } from '../../src/people/people.ts';
import { openPeopleStore } from '../../src/store/people.ts';
import { openStore } from '../../src/store/sqlite.ts';

/** In memory where that is possible: many tests of the door need people, and none of them is about disks. */
const PLACE = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

export async function openPeople(options: Partial<PeopleTools> = {}) {
  const directory = await mkdtemp(join(PLACE, 'lockstep-people-'));
  await (await openStore(directory)).close();
  const store = openPeopleStore(directory);
  const witnessed: Witnessed[] = [];
  const witness = (one: Witnessed): void => void witnessed.push(one);
  const people = createPeople({ store, witness, now: Date.now, ...options });
  return {
    directory,
    store,
    people,
    witness,
    witnessed,
    async close(): Promise<void> {
      await store.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
