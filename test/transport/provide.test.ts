// The agent's verbs for files from outside: each file whole or not at all, rights from the first byte, repeats that change nothing.
import { describe, expect, test } from '@jest/globals';
import { existsSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Channel } from '../../src/core/channel.ts';
import type { ProvidedFile } from '../../src/core/files.ts';
import { codeOf, nextOp, onGround, soon, upload } from './ground.ts';
import type { Ground } from './ground.ts';

const file = (path: string, content: string | Buffer, mode: ProvidedFile['mode'] = 0o644): ProvidedFile => ({
  path,
  mode,
  content: Buffer.from(content),
});

describe.each(['local', 'ssh'])('an agent on a %s server', (kind) => {
  let ground: Ground;
  let channel: Channel;
  let path: string;

  onGround(kind, (on) => ({ ground, channel, path } = on));

  const at = (name: string): string => join(path, '.lockstep/files/r1', name);
  const modeOf = (name: string): string => (statSync(at(name)).mode & 0o777).toString(8);
  const tree = (): string[] =>
    readdirSync(join(path, '.lockstep/files'), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(path.length + '/.lockstep/files/'.length))
      .sort();

  test('writes files byte for byte, empty ones too, with their modes, under any name', async () => {
    const binary = Buffer.from(Array.from({ length: 100_000 }, (_, i) => (i * 7) % 256));
    const files = [
      file(' a b/ leading and trailing ', 'x\n'),
      file("it's $(touch here) `x` \\n/-n", 'y'),
      file('binary', binary, 0o755),
      file('empty', '', 0o600),
      file('private/key', 'secret', 0o600),
      file('private/run', '#!/bin/sh\n', 0o700),
      file('ü/鍵', 'z'),
    ];
    await channel.provide(nextOp(), { release: 'r1', files }, soon());
    for (const one of files) {
      expect(readFileSync(at(one.path)).equals(one.content)).toBe(true);
      expect(modeOf(one.path)).toBe(one.mode.toString(8));
    }
    expect(modeOf('private')).toBe('755');
    expect(tree()).toHaveLength(files.length);
    expect(await channel.provided('r1', soon())).toEqual(files.map((one) => one.path).sort());
    expect(await channel.provided('r2', soon())).toBeNull();
    // What came over the wire is not left lying about.
    const sessions = readdirSync(join(path, '.lockstep')).filter((name) => name.startsWith('session.'));
    for (const session of sessions) expect(readdirSync(join(path, '.lockstep', session))).not.toContain('payload');
  });

  test('replaces them by others: what is open stays what it was, what is gone is gone, types may change', async () => {
    const provide = (...files: ProvidedFile[]): Promise<void> => channel.provide(nextOp(), { release: 'r1', files }, soon());
    await provide(file('a', 'one'), file('b/c', 'one'), file('b/d', 'one'), file('e', 'one'));
    const before = statSync(at('a')).ino;
    await provide(file('a', 'two', 0o600), file('b', 'now a file'), file('e/f', 'now a directory'));
    expect(tree()).toEqual(['r1/a', 'r1/b', 'r1/e/f']);
    expect([readFileSync(at('a'), 'utf8'), modeOf('a'), statSync(at('a')).ino === before]).toEqual(['two', '600', false]);
    await provide();
    expect(tree()).toEqual([]);
    expect(await channel.provided('r1', soon())).toEqual([]);
  });

  test('does nothing for a daemon that was replaced', async () => {
    await ground.channel(channel.server, 2).hello(soon());
    expect(await codeOf(channel.provide(nextOp(), { release: 'r1', files: [file('a', 'x')] }, soon()))).toBe('fenced');
    expect(tree()).toEqual([]);
  });

  test('takes files away with their release, and what a killed upload left', async () => {
    const one = await ground.artifact({ a: 'one' });
    await channel.hello(soon());
    await channel.provide(nextOp(), { release: 'r1', files: [file('x', 'x')] }, soon());
    await upload(channel, 'r1', one);
    await channel.provide(nextOp(), { release: 'never-sealed', files: [file('x', 'x')] }, soon());
    await mkdir(join(path, '.lockstep/files/.new.r9'));
    writeFileSync(join(path, '.lockstep/files/.new.r9/half'), 'x');
    await channel.collect(['r1'], soon());
    expect(tree()).toEqual(['r1/x']);
    await channel.collect([], soon());
    expect(tree()).toEqual([]);
    expect(readdirSync(join(path, '.lockstep/manifests'))).toEqual([]);
  });

  test('seeds what is not there, also below a directory that is not there, and never what is', async () => {
    const one = await ground.artifact({ 'a.example': 'seed', 'tree/x/y': 'seed', 'tree/run': ['#!', 0o755] });
    await upload(channel, 'r1', one);
    const seeds = [
      { path: 'config/deep/a', seed: 'a.example' },
      { path: 'there', seed: 'a.example' },
      { path: 'uploads', seed: 'tree' },
      { path: 'full', seed: 'tree' },
    ];
    await mkdir(join(path, 'shared/full'));
    writeFileSync(join(path, 'shared/there'), 'mine');
    for (let i = 0; i < 2; i++) {
      await channel.seed(nextOp(), 'r1', seeds, soon());
      writeFileSync(join(path, 'shared/config/deep/a'), 'changed');
    }
    expect(readFileSync(join(path, 'shared/config/deep/a'), 'utf8')).toBe('changed');
    expect(readFileSync(join(path, 'shared/there'), 'utf8')).toBe('mine');
    expect(readFileSync(join(path, 'shared/uploads/x/y'), 'utf8')).toBe('seed');
    expect(statSync(join(path, 'shared/uploads/run')).mode & 0o777).toBe(0o755);
    expect(readdirSync(join(path, 'shared/full'))).toEqual([]);
    // A copy of its own: what the application writes there must not be in the release.
    expect(statSync(join(path, 'shared/uploads/x/y')).nlink).toBe(1);
    expect(existsSync(join(path, 'shared/.seed.uploads'))).toBe(false);
  });
});
