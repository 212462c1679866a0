// What people may read of the configuration in force: no account and no password, wherever somebody wrote one.
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseDatabaseUrl } from '../../src/core/database-url.ts';
import { buildView, settingsView, withoutAccount } from '../../src/core/settings-view.ts';
import { sampleBuild, sampleCheck, sampleCluster, sampleVerification } from '../lab/samples.ts';

const SECRET = 'hunter22';

test('no setting of a cluster shows a secret', () => {
  const url = `https://shop:${SECRET}@example.org/`;
  const cluster = sampleCluster(2, {
    migrations: {
      directory: 'db',
      database: `postgres://shop:${SECRET}@db.example.org/shop`,
      password: { command: `echo ${SECRET}` },
      when: 'after-switch',
      lint: 'off',
    },
    verify: sampleVerification(url, { http: [sampleCheck(url)], cluster: [sampleCheck(url)] }),
    secrets: { KEY: { command: `echo ${SECRET}` } },
  });
  const shown = JSON.stringify(settingsView(cluster));
  expect(shown).not.toContain(SECRET);
  expect(shown).toContain('postgres://***@db.example.org/shop');
  expect(JSON.stringify(buildView({ ...sampleBuild, environment: { TOKEN: SECRET } }))).not.toContain(SECRET);
});

test("a database's URL with a password is refused, and neither the problem nor what is shown of it repeats the password", () => {
  const secret = fc.stringMatching(/^[a-zA-Z0-9!$&'()*+,;=%:@]{4,20}$/).map((text) => `hunter22${text}hunter22`);
  const scheme = fc.constantFrom('postgres', 'postgresql', 'mysql', 'mariadb');
  fc.assert(
    fc.property(scheme, secret, (kind, password) => {
      const url = `${kind}://shop:${password}@db.example.org/shop`;
      const parsed = parseDatabaseUrl(url);
      expect(JSON.stringify(parsed)).not.toContain('hunter22');
      expect(parsed).toHaveProperty('problem');
      expect(withoutAccount(url)).not.toContain('hunter22');
    }),
    { numRuns: 500 },
  );
});
