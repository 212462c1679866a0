// While the daemon builds, servers look at the clone that the next release starts from: once, and not again when the release comes.
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Channel } from '../../src/core/channel.ts';
import { until } from '../lab/until.ts';
import { nextOp, openGround, soon, unpack } from './ground.ts';
import type { Ground, TestArtifact } from './ground.ts';
import { openSession } from '../../src/transport/session.ts';
import { localLink } from '../../src/transport/local.ts';
import { openPrograms } from './programs.ts';
import type { Programs } from './programs.ts';

let programs: Programs;
let ground: Ground;
let channel: Channel;
let one: TestArtifact;
let two: TestArtifact;
let seen: number;

/** A find that tells that it looked for what has changed. */
beforeEach(async () => {
  programs = await openPrograms();
  const { directory, path } = programs;
  await programs.add('find', `case $* in *-cnewer*) echo "$2" >>'${directory}/looked' ;; esac\nPATH='${path}' exec find "$@"`);
  ground = await openGround();
  channel = ground.channel();
  one = await ground.artifact({ a: 'one' });
  two = await ground.artifact({ a: 'two' });
  await unpack(ground, channel, 'r1', one);
  await channel.switch(nextOp(), null, 'r1', soon());
  await channel.collect([], soon(), true);
  await channel.hello(soon());
  seen = 0;
  looks();
});
afterEach(async () => {
  await ground.close();
  await programs.close();
});
/** How often since it was asked last. */
function looks(): number {
  const file = join(programs.directory, 'looked');
  const lines = existsSync(file) ? readFileSync(file, 'utf8').trimEnd().split('\n') : [];
  const count = lines.length - seen;
  seen = lines.length;
  return count;
}

const arrives = async (release: string) => unpack(ground, channel, release, two, { base: { release: 'r1', artifact: one } });

test('what was seen is enough', async () => {
  await channel.hello(soon(), 'clone');
  expect(await arrives('r2')).toMatchObject({ clone: 'ahead' });
  expect(looks()).toBe(1);
});

test('who only greets does not look', async () => {
  await channel.hello(soon());
  expect(looks()).toBe(0);
  expect(await arrives('r2')).toMatchObject({ clone: 'ahead' });
  expect(looks()).toBe(1);
});

test('what was seen counts for one release', async () => {
  await channel.hello(soon(), 'clone');
  await arrives('r2');
  await channel.collect(['r1'], soon(), true);
  looks();
  expect(await arrives('r3')).toMatchObject({ clone: 'ahead' });
  expect(looks()).toBe(1);
});

test('what was seen more than ten seconds ago does not count', async () => {
  await channel.hello(soon(), 'clone');
  looks();
  await new Promise((resolve) => setTimeout(resolve, 12_000));
  looks();
  expect(await arrives('r2')).toMatchObject({ clone: 'ahead' });
  expect(looks()).toBe(1);
}, 40_000);

test('a look that is going on is not begun again, but waited for', async () => {
  const { directory, path } = programs;
  await programs.add(
    'find',
    `case $* in *-cnewer*) echo "$2" >>'${directory}/looked' && sleep 2 && touch '${directory}/ended' ;; esac\nPATH='${path}' exec find "$@"`,
  );
  await channel.hello(soon(), 'clone');
  await channel.hello(soon(), 'clone');
  expect(await arrives('r2')).toMatchObject({ clone: 'ahead' });
  expect(looks()).toBe(1);
  expect(existsSync(join(directory, 'ended'))).toBe(true);
});

test('whoever will probably be greeted can be asked to look before that', async () => {
  const session = await openSession(localLink(), channel.server.path, soon());
  try {
    await session.ask(0, { verb: 'look', epoch: 0, op: '-', words: [], payload: Buffer.alloc(0), pacer: null }, soon());
    await until(() => existsSync(join(programs.directory, 'looked')), { what: 'a look begins' });
  } finally {
    await session.close();
  }
});
