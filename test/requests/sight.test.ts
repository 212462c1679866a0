// What a look at a repository sees: the heads of the branches that hooks name, or all of them.
import { expect, test } from '@jest/globals';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadConfiguration } from '../../src/config/load.ts';
import type { Change } from '../../src/core/repository.ts';
import { createHeads } from '../../src/requests/heads.ts';
import { sightOf } from '../../src/requests/sight.ts';
import { openVersionControl } from '../../src/vcs/open.ts';
import { git, makeGitLab } from '../lab/git.ts';
import { never, temporaryDirectory } from '../vcs/lab.ts';

const directory = temporaryDirectory();
const shop = makeGitLab(directory, 'shop');
const file = join(directory, 'branches.config.json');
const settings = {
  project: 'shop',
  repositories: { shop: { type: 'git', url: shop.bare } },
  branches: [{ repository: 'shop', branch: 'servers/{developer}', clusters: ['{developer}'] }],
  clusters: { '{developer}': { transport: 'simulated', path: '/srv/{developer}', servers: ['one.example.org'] } },
};

const hook = (...refs: Change['refs']): Change => ({ delivery: 'one', repository: 'shop', refs, actor: null, source: 'hook' });

test('shows the named branches as they are now and the others as they were last seen; asks for all where that does not say all', async () => {
  mkdirSync(join(directory, 'repositories'));
  writeFileSync(file, JSON.stringify(settings));
  const { configuration } = await loadConfiguration(file);
  const repository = configuration.repositories.get('shop');
  if (repository === undefined) throw new Error('the configuration has no repository');
  const versionControl = openVersionControl({ directory: join(directory, 'repositories') });
  const heads = createHeads([]);
  const expected: string[] = [];
  const tools = {
    heads,
    configuration: () => configuration,
    versionControl,
    expect: ({ name }: { name: string }) => void expected.push(name),
  };
  const see = async (...changes: Change[]): Promise<Record<string, string>> => {
    const sight = await sightOf(tools, repository, changes);
    if ('problem' in sight) throw new Error(sight.problem);
    return Object.fromEntries(sight.heads);
  };
  const dealtWith = (branch: string, revision: string): void => heads.set({ repository: 'shop', branch, revision });
  const named = (branch: string, revision: string) => ({ ref: branch, revision, deleted: false });

  const first = shop.commit('servers/ann', { a: '1' });
  git(shop.bare, ['update-ref', 'refs/heads/servers/bob', first]);
  // Of a branch that was never fetched nothing can be told by fetching what is new.
  expect(await see(hook(named('servers/ann', first)))).toEqual({ 'servers/ann': first, 'servers/bob': first });
  dealtWith('servers/ann', first);
  dealtWith('servers/bob', first);
  await versionControl(repository).commit('servers/ann', first, never);

  const second = shop.commit('servers/ann', { a: '2' });
  git(shop.bare, ['update-ref', 'refs/heads/servers/bob', second]);
  // What the hook says is not what counts.
  expect(await see(hook(named('servers/ann', 'f'.repeat(40))))).toEqual({ 'servers/ann': second, 'servers/bob': first });
  expect(expected).toEqual(['ann', 'ann']);
  const all = { 'servers/ann': second, 'servers/bob': second };
  expect(await see(hook(named('servers/ann', second), named('refs/tags/v1', second)))).toEqual(all);
  expect(await see(hook(named('servers/ann', second)), hook())).toEqual(all);
  expect(await see(hook(named('servers/ann', first)))).toEqual(all);
  expect(await see()).toEqual(all);

  git(shop.bare, ['update-ref', '-d', 'refs/heads/servers/ann']);
  expect(await see(hook(named('servers/ann', second)))).toEqual({ 'servers/bob': second });
});
