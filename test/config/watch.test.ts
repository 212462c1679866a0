import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LoadedConfiguration } from '../../src/config/load.ts';
import { watchConfiguration } from '../../src/config/watch.ts';
import { until } from '../lab/until.ts';
import { createWorkspace, minimal, withCluster } from './workspace.ts';
import type { Workspace } from './workspace.ts';

let workspace: Workspace;
let loaded: LoadedConfiguration[];
let problems: string[];
let watching: { close(): Promise<void> } | null;

beforeEach(async () => {
  workspace = await createWorkspace();
  [loaded, problems, watching] = [[], [], null];
});
afterEach(async () => {
  await watching?.close();
  await workspace.remove();
});

async function start(options: { hash?: string; recheckMs?: number } = {}): Promise<void> {
  const listener = { onLoaded: (one: LoadedConfiguration) => void loaded.push(one), onProblem: (one: string) => void problems.push(one) };
  watching = await watchConfiguration(workspace.file, listener, { settleMs: 40, ...options });
}

const keepOf = (one: LoadedConfiguration | undefined): number | undefined => one?.configuration.clusters.get('production')?.keep;

const untilKeep = (keep: number): Promise<unknown> => until(() => keepOf(loaded.at(-1)) === keep, { what: `keep ${keep}` });

describe('a configuration that is edited while the daemon runs', () => {
  test('is loaded again, whether it is written in place or replaced by renaming', async () => {
    const { hash } = await workspace.load(withCluster({ keep: 2 }));
    await start({ hash });
    expect(loaded).toEqual([]);
    await workspace.write(withCluster({ keep: 3 }));
    await untilKeep(3);
    for (const keep of [4, 5, 6]) {
      const temporary = join(workspace.directory, '.branches.config.json.swp');
      await writeFile(temporary, JSON.stringify(withCluster({ keep })));
      await rename(temporary, workspace.file);
      await untilKeep(keep);
    }
    await workspace.write(withCluster({ keep: 7 }));
    await untilKeep(7);
    expect(problems).toEqual([]);
  });

  test('keeps the old one in force while the file is wrong, says so once, and says when it is right again', async () => {
    const value = withCluster({ keep: 2 });
    const { hash } = await workspace.load(value);
    await start({ hash });
    await workspace.write(withCluster({ kep: 2 }));
    await until(() => problems.length > 0, { what: 'the problem' });
    expect(problems[0]).toContain('clusters.production.kep: unknown key; did you mean "keep"?');
    await rm(workspace.file);
    await until(() => problems.length > 1, { what: 'the second problem' });
    expect(problems[1]).toContain('cannot be read');
    expect(loaded).toEqual([]);
    await workspace.write(value);
    await until(() => loaded.length === 1, { what: 'the end of the problem' });
    expect(loaded[0]?.hash).toBe(hash);
  });

  test('never takes a half-written file for the configuration', async () => {
    const { hash } = await workspace.load(withCluster({ keep: 2 }));
    await start({ hash });
    const text = JSON.stringify(withCluster({ keep: 9 }), null, 2);
    for (let end = 0; end < text.length; end += 20) {
      await writeFile(workspace.file, text.slice(0, end));
      await new Promise((done) => setTimeout(done, 10));
    }
    expect(loaded).toEqual([]);
    await writeFile(workspace.file, text);
    await untilKeep(9);
    expect(loaded.map(keepOf)).toEqual([9]);
  });

  test('was changed between loading and watching: the change is not missed', async () => {
    const { hash } = await workspace.load(withCluster({ keep: 2 }));
    await workspace.write(withCluster({ keep: 3 }));
    await start({ hash });
    expect(loaded.map(keepOf)).toEqual([3]);
  });

  test('is loaded again when a maintenance page that it names changes, also in another directory', async () => {
    const page = join(workspace.directory, 'ops', 'down.html');
    await mkdir(join(workspace.directory, 'ops'));
    await writeFile(page, 'one');
    const { hash } = await workspace.load(minimal());
    await start({ hash });
    await workspace.write(withCluster({ maintenance: { page: 'ops/down.html' } }));
    await until(() => loaded.length === 1, { what: 'the new configuration' });
    await writeFile(`${page}.new`, 'two');
    await rename(`${page}.new`, page);
    await until(() => loaded.at(-1)?.configuration.clusters.get('production')?.maintenance?.page === 'two', { what: 'the new page' });
  });

  test('is found by the regular reading when no event tells of it', async () => {
    // As Kubernetes mounts files: a link through a link, and only the second one, which nobody watches, changes.
    const linkTo = async (version: string): Promise<void> => {
      await symlink(version, join(workspace.directory, 'data.new'));
      await rename(join(workspace.directory, 'data.new'), join(workspace.directory, 'data'));
    };
    for (const keep of [2, 3]) {
      await mkdir(join(workspace.directory, `v${keep}`));
      await writeFile(join(workspace.directory, `v${keep}`, 'branches.json'), JSON.stringify(withCluster({ keep })));
    }
    await linkTo('v2');
    await symlink('data/branches.json', workspace.file);
    await start({ recheckMs: 200 });
    await untilKeep(2);
    await linkTo('v3');
    await untilKeep(3);
  });

  test('tells nobody after closing, and leaves no timer behind', async () => {
    const { hash } = await workspace.load(withCluster({ keep: 2 }));
    await start({ hash });
    const closing = watching?.close();
    await workspace.write(withCluster({ keep: 3 }));
    await closing;
    await watching?.close();
    await new Promise((done) => setTimeout(done, 200));
    expect([...loaded, ...problems]).toEqual([]);
  });

  test('does not make the watching fail when the file is missing or wrong at the start', async () => {
    await start();
    expect(problems).toHaveLength(1);
    await workspace.write(withCluster({ keep: 4 }));
    await untilKeep(4);
  });
});
