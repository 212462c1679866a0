// People as the daemon knows them, in a database of their own.
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { scryptSync } from 'node:crypto';
import type { UserRecord, Witnessed } from '../../src/core/people.ts';
import { createPeople } from '../../src/people/people.ts';
import type { PeopleTools } from '../../src/people/people.ts';
import { openPeopleStore } from '../../src/store/people.ts';
import { openStore } from '../../src/store/sqlite.ts';

/** In memory where that is possible: many tests of the door need people, and none of them is about disks. */
const PLACE = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

export const PASSWORD = 'correct horse battery';
const SALT = Buffer.alloc(16, 1);
const QUICK = `scrypt$4$8$1$${SALT.toString('base64url')}$${scryptSync(PASSWORD, SALT, 32, { N: 16, r: 8, p: 1 }).toString('base64url')}`;

export const OWNER_TOKEN = 'lst_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG';

export async function openPeople(options: Partial<PeopleTools> = {}) {
  const directory = await mkdtemp(join(PLACE, 'lockstep-people-'));
  await (await openStore(directory)).close();
  const store = openPeopleStore(directory);
  const witnessed: Witnessed[] = [];
  const witness = (one: Witnessed): void => void witnessed.push(one);
  const people = createPeople({ store, ownerToken: OWNER_TOKEN, settings: () => null, witness, now: Date.now, ...options });
  return {
    directory,
    store,
    people,
    witness,
    witnessed,
    /** A user whose password is quick to check: its record says how it was made. */
    async addUser(user: Pick<UserRecord, 'name' | 'role' | 'clusters' | 'teams'>): Promise<void> {
      await store.putUser({ ...user, password: QUICK, createdBy: 'root', createdAt: 0 });
    },
    async close(): Promise<void> {
      await store.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
