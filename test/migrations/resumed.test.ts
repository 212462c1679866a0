// Migrations that a daemon which died had begun: as long as nobody can look into the database, nothing is decided.
import { expect, test } from '@jest/globals';
import type { Deployment } from '../../src/core/deployment.ts';
import { readSecret } from '../../src/files/secrets.ts';
import { openMigrations } from '../../src/migrations/open.ts';
import { runMigrations } from '../../src/steps/migrations.ts';
import type { Work } from '../../src/steps/perform.ts';
import { sampleCluster } from '../lab/samples.ts';
import { freePort } from '../lab/workshop.ts';
import { forever, openReleases, requestFor } from './release.ts';

test('a database that cannot be reached fails the step, but after a crash an operator is asked: a file may be half executed', async () => {
  const releases = await openReleases();
  const artifact = await releases.make({ '1.sql': 'SELECT 1' });
  const { settings } = requestFor(`mariadb://shop@127.0.0.1:${await freePort()}/shop`);
  const cluster = sampleCluster(1, { maintenance: null, migrations: settings });
  const run = (resumed: boolean): Promise<unknown> => {
    const work = {
      deployment: { number: 7, cluster, members: [], artifact: artifact.id, release: 'new' } as unknown as Deployment,
      effect: { deployment: 7, stage: 4, action: 'migrate', direction: 'forward', server: null, op: 'x', resumed },
      op: 'x',
      token: '7-x',
      tools: { migrations: openMigrations({ readSecret }), artifacts: { find: () => Promise.resolve(artifact) }, log: () => undefined },
      signal: forever,
    } as unknown as Work;
    return runMigrations(work).catch((error: unknown) => error);
  };
  expect(await run(false)).toMatchObject({ code: 'unreachable' });
  expect(await run(true)).toMatchObject({
    code: 'ambiguous',
    message: expect.stringMatching(/ECONNREFUSED.*mark-done 7 .*mark-not-done 7 /),
  });
  await releases.remove();
});
