import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Cluster } from '../../src/core/cluster.ts';
import { clustersFor } from '../../src/core/mapping.ts';
import { loadConfiguration } from '../../src/config/load.ts';
import { createWorkspace, minimal, withCluster } from './workspace.ts';
import type { Workspace } from './workspace.ts';

let workspace: Workspace;
beforeAll(async () => {
  workspace = await createWorkspace();
});
afterAll(() => workspace.remove());

async function production(settings: Record<string, unknown>): Promise<Cluster> {
  const { configuration } = await workspace.load(withCluster(settings));
  const cluster = configuration.clusters.get('production');
  if (cluster === undefined) throw new Error('no cluster');
  return cluster;
}

describe('a configuration', () => {
  test('in the repository is a complete example that loads without problems or warnings', async () => {
    const { configuration, warnings } = await loadConfiguration('branches.config.json');
    expect(warnings).toEqual([]);
    expect(configuration.clusters.get('production')?.servers).toHaveLength(41);
    expect(configuration.clusters.get('production')?.maxFailures).toEqual({ percent: 5 });
    const mapping = clustersFor(configuration, 'shop', 'servers/yuri.popoff');
    expect('reason' in mapping ? mapping.reason : mapping.clusters[0]).toMatchObject({
      name: 'sandbox-yuri.popoff',
      environment: 'development',
      servers: [{ name: 'box', transport: 'local', path: join(process.cwd(), 'var/sandboxes/yuri.popoff') }],
    });
  });

  test('that says little gets defaults for the rest', async () => {
    const { configuration, warnings } = await workspace.load(minimal());
    expect(warnings).toEqual([]);
    expect(configuration.clusters.get('production')).toEqual({
      name: 'production',
      project: 'shop',
      environment: 'production',
      servers: [{ name: 'web1.example.org', transport: 'ssh', host: 'web1.example.org', port: 22, user: 'deploy', path: '/srv/shop' }],
      concurrency: 10,
      drift: { checkMs: 3_600_000, onDeploy: 'warn' },
      connections: 8,
      maxFailures: { servers: 0 },
      shared: [],
      layout: null,
      maintenance: {
        page: expect.stringContaining('We are updating the software. Please try again in several seconds.'),
        lockTimeoutMs: 120_000,
        botsTimeoutMs: 30_000,
      },
      behind: 'lock',
      commands: { drain: null, lock: null, install: null, migrate: null, unlock: null, flush: null, readd: null },
      keepFailed: 2,
      migrations: null,
      verify: null,
      keep: 5,
      forcePush: false,
      ssh: { identity: null, knownHosts: null },
      transfer: { carrier: 'auto', cloneAhead: true },
      simulation: { delayMs: 20, failures: 0 },
    });
    expect(configuration.branches).toEqual([
      {
        repository: 'shop',
        branch: 'servers/production',
        clusters: ['production'],
        build: { command: null, output: '.', subdirectory: '.', timeoutMs: 1_800_000, cache: [], environment: {}, network: true },
      },
    ]);
    expect(configuration.repositories.get('shop')).toEqual({
      name: 'shop',
      type: 'git',
      url: join(workspace.directory, 'repos/shop.git'),
      submodules: null,
      lfs: false,
      externals: null,
      username: null,
      passwordFile: null,
      identity: null,
      knownHosts: null,
      pollMs: 180_000,
      forge: null,
      hookSources: [],
    });
  });

  test('may name the forge of a repository, and from where its webhooks come', async () => {
    const sources = ['192.30.252.0/22', '2606:50c0::/32', '10.0.0.7', '::1', '0.0.0.0/0'];
    const { configuration } = await workspace.load(
      minimal({ repositories: { shop: { type: 'git', url: 'git@github.com:acme/shop.git', forge: 'github', hookSources: sources } } }),
    );
    expect(configuration.repositories.get('shop')).toMatchObject({ forge: 'github', hookSources: sources });
  });

  test('may hold comments, trailing commas, a byte order mark and keys that begin with x-', async () => {
    const { configuration } = await workspace.load(`\uFEFF// head
      { "project": "shop", /* here */ "x-note": { "anything": 1 }, "repositories": {}, "branches": [], "clusters": {
        "demo": { "x-owner": "ops", "servers": [{ "path": "./demo", "x-rack": 4 }] }, }, }`);
    expect(configuration.clusters.get('demo')?.servers[0]?.path).toBe(join(workspace.directory, 'demo'));
  });

  test('has an environment that allows least where it names none', async () => {
    const server = (name: string): unknown => ({ servers: [{ path: `/srv/${name}/{d}`.replace(name.includes('{') ? '' : '/{d}', '') }] });
    const names = ['gray', 'test', 'shop', 'sandbox-{d}', 'demo', 'staging-2', 'demonstration'];
    const { configuration } = await workspace.load(
      minimal({
        branches: names.map((name, i) => ({ repository: 'shop', branch: name.includes('{') ? 'servers/{d}' : `b${i}`, clusters: [name] })),
        clusters: Object.fromEntries(names.map((name) => [name, server(name)])),
      }),
    );
    const all = [...configuration.clusters.values()].map((one) => [one.name, one.environment, one.forcePush]);
    expect(all).toEqual([
      ['gray', 'gray', true],
      ['test', 'test', true],
      ['shop', 'production', false],
      ['sandbox-{d}', 'development', true],
      ['demo', 'test', true],
      ['staging-2', 'test', true],
      ['demonstration', 'production', false],
    ]);
  });

  test('changes its hash with its text and with its maintenance page, and only then', async () => {
    const value = withCluster({ maintenance: { page: 'page.html' } });
    await writeFile(join(workspace.directory, 'page.html'), '<p>one</p>');
    const one = await workspace.load(value);
    expect(one.configuration.clusters.get('production')?.maintenance?.page).toBe('<p>one</p>');
    expect((await workspace.load(value)).hash).toBe(one.hash);
    await writeFile(join(workspace.directory, 'page.html'), '<p>two</p>');
    expect((await workspace.load(value)).hash).not.toBe(one.hash);
    expect((await workspace.load(minimal())).hash).not.toBe(one.hash);
  });

  test('with a cluster that no branch feeds gets a warning', async () => {
    const { warnings } = await workspace.load(minimal({ branches: [] }));
    expect(warnings).toEqual(['clusters.production: no branch feeds this cluster']);
  });

  test('may use names that JavaScript knows', async () => {
    const { configuration } = await workspace.load(
      minimal({
        repositories: { constructor: { type: 'git', url: '/srv/git' } },
        branches: [{ repository: 'constructor', branch: '__proto__', clusters: ['toString'] }],
        clusters: { toString: { path: '/srv/x', servers: [{}] } },
      }),
    );
    const mapping = clustersFor(configuration, 'constructor', '__proto__');
    expect('reason' in mapping ? mapping.reason : mapping.clusters.map((one) => one.name)).toEqual(['toString']);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });
});

describe('servers', () => {
  const servers = async (list: unknown[], settings: Record<string, unknown> = {}): Promise<unknown[]> =>
    (await production({ servers: list, ...settings })).servers.map(({ name, transport, host, port, user, path }) =>
      [name, transport, host, port, user, path].join(' '),
    );

  test('are strings, ranges, objects, or directories of this machine', async () => {
    expect(
      await servers([
        'web1.example.org',
        'deploy@10.0.0.1:2222',
        'deploy@[fe80::1]:23',
        'deploy@app[08-10].example.org',
        { name: 'db', host: '::1', port: 24, user: 'root', path: '//srv//db/./x/' },
        { path: './var/box' },
        { name: 'here' },
      ]),
    ).toEqual([
      'web1.example.org ssh web1.example.org 22  /srv/shop',
      '10.0.0.1 ssh 10.0.0.1 2222 deploy /srv/shop',
      'fe80::1 ssh fe80::1 23 deploy /srv/shop',
      'app08.example.org ssh app08.example.org 22 deploy /srv/shop',
      'app09.example.org ssh app09.example.org 22 deploy /srv/shop',
      'app10.example.org ssh app10.example.org 22 deploy /srv/shop',
      'db ssh ::1 24 root /srv/db/x',
      `box local localhost 22  ${workspace.directory}/var/box`,
      'here local localhost 22  /srv/shop',
    ]);
  });

  test('may be simulated, a thousand at a time', async () => {
    const cluster = await production({ transport: 'simulated', simulation: { delay: '5ms', failures: '1.5%' }, servers: ['web[1-1000]'] });
    expect(cluster.servers).toHaveLength(1000);
    expect(cluster.servers[999]).toMatchObject({ name: 'web1000', transport: 'simulated', host: 'localhost' });
    expect(cluster.simulation).toEqual({ delayMs: 5, failures: 0.015 });
  });

  test.each([
    ['-oProxyCommand=x', 'host "-oProxyCommand=x" is not a host name'],
    ['-l@web', 'user "-l" is not an account'],
    ['a b@web', 'user "a b" is not an account'],
    ['@web', 'user "" is not an account'],
    ['web;id', 'host "web;id" is not a host name'],
    ['deploy@web:99999', 'port 99999 is not between 1 and 65535'],
    ['deploy@web:x', 'is not a server; write "user@host"'],
    ['a@b@c', 'is not a server'],
    ['web[3-1]', 'ends before it begins'],
    ['web[1-99999999]', 'at most 10000'],
    ['a[1-2]b[1-2]', 'has two ranges'],
    ['web\u0000', 'must not hold control characters'],
    [{ user: 'x' }, 'has a user or a port but no host'],
    [{ host: 'a', path: 'srv/x' }, 'must be absolute'],
    [{ path: '/srv/../etc' }, 'must not hold ".."'],
    [{ path: './../x' }, 'must not hold ".."'],
    [{ path: '/' }, 'must not be the root directory'],
    [{ name: '-x', path: '/a' }, 'must be one word'],
    [{ path: '/srv/{developer}' }, '{developer} in "/srv/{developer}" is unknown'],
    [{ hosst: 'a' }, 'unknown key; did you mean "host"?'],
    [7, 'must be "user@host:port" or an object with host, path, … (found 7)'],
  ])('written as %j are refused', async (server, message) => {
    const problems = await workspace.problems(withCluster({ servers: [server] }));
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(message);
    expect(problems[0]).toMatch(/^:\d+:\d+ {2}clusters\.production\.servers\[0\]/);
  });

  test('belong to exactly one cluster', async () => {
    const clusters = {
      production: { path: '/srv/shop', servers: ['deploy@web[1-3].example.org'] },
      demo: { servers: [{ host: 'WEB2.example.org', user: 'other', path: '/srv/shop/' }] },
    };
    const branches = [{ repository: 'shop', branch: 'b', clusters: ['production', 'demo'] }];
    expect(await workspace.problems(minimal({ clusters, branches }))).toEqual([
      expect.stringMatching(
        /^:\d+:\d+ {2}clusters\.demo\.servers\[0\]: WEB2\.example\.org \/srv\/shop belongs to the clusters "production" and "demo"; a server belongs to exactly one$/,
      ),
    ]);
    expect(await workspace.problems(withCluster({ servers: [{ name: 'a' }, { name: 'b' }] }))).toEqual([
      expect.stringContaining('/srv/shop is the same directory as server "a" of this cluster'),
    ]);
  });

  test('have names of their own, and places that differ from branch to branch', async () => {
    expect(await workspace.problems(withCluster({ servers: [{ path: '/a/site' }, { path: '/b/site' }] }))).toEqual([
      expect.stringContaining('a second server of this cluster is called "site"; give it a "name" of its own'),
    ]);
    const sandbox = minimal({
      branches: [{ repository: 'shop', branch: 'servers/{d}', clusters: ['sandbox-{d}'] }],
      clusters: { 'sandbox-{d}': { servers: [{ path: '/srv/sandbox' }] } },
    });
    expect(await workspace.problems(sandbox)).toEqual([
      expect.stringContaining('clusters.sandbox-{d}.servers[0]: is the same directory for every branch; write {d} into its path or host'),
    ]);
  });
});

describe('settings of a cluster', () => {
  test('may name two links that web servers serve in turn', async () => {
    expect((await production({ layout: { kind: 'ab', config: '/etc/nginx/sites-enabled/shop.conf' } })).layout).toEqual({
      a: 'production_a',
      b: 'production_b',
      config: '/etc/nginx/sites-enabled/shop.conf',
      test: 'nginx -t',
      reload: 'nginx -s reload',
    });
  });

  test('are read with their units', async () => {
    await writeFile(join(workspace.directory, 'down.html'), 'down');
    const cluster = await production({
      maxFailures: '2.5%',
      shared: ['config/local.php', 'var/uploads/'],
      maintenance: { page: './down.html', lockTimeout: '90s' },
      commands: { lock: 'stop', migrate: { run: 'migrate', timeout: '2h', on: 'daemon' }, flush: { run: 'flush' } },
      verify: { http: ['http://{host}:8080/{server}'], timeout: '1.5s' },
      ssh: { identity: '~/.ssh/key', knownHosts: 'hosts' },
      forcePush: true,
    });
    expect(cluster).toMatchObject({
      maxFailures: { percent: 2.5 },
      shared: [
        { path: 'config/local.php', kind: 'file' },
        { path: 'var/uploads', kind: 'directory' },
      ],
      maintenance: { page: 'down', lockTimeoutMs: 90_000, botsTimeoutMs: 30_000 },
      commands: {
        lock: { run: 'stop', timeoutMs: 300_000, on: null },
        migrate: { run: 'migrate', timeoutMs: 7_200_000, on: 'daemon' },
        flush: { run: 'flush', timeoutMs: 300_000, on: null },
      },
      verify: { http: [{ url: 'http://{host}:8080/{server}', status: 200, when: 'after-unlock', times: 1 }], timeoutMs: 1500 },
      ssh: { identity: join(homedir(), '.ssh/key'), knownHosts: join(workspace.directory, 'hosts') },
      forcePush: true,
    });
    expect((await production({ maintenance: false })).maintenance).toBeNull();
    expect((await production({ maintenance: { lockTimeout: '10s' } })).maintenance?.botsTimeoutMs).toBe(5000);
    expect((await production({ commands: { migrate: 'x' } })).commands.migrate?.timeoutMs).toBe(3_600_000);
    expect((await production({ maxFailures: 2 })).maxFailures).toEqual({ servers: 2 });
  });

  test.each([
    [{ concurency: 5 }, 'clusters.production.concurency: unknown key; did you mean "concurrency"?'],
    [{ something: 5 }, 'clusters.production.something: unknown key; allowed: environment, path, servers'],
    [{ concurrency: 0 }, 'clusters.production.concurrency: must be at least 1 (found 0)'],
    [{ concurrency: 1.5 }, 'clusters.production.concurrency: must be a whole number (found 1.5)'],
    [{ concurrency: '5' }, 'clusters.production.concurrency: must be a number (found "5")'],
    [{ maxFailures: '5' }, 'clusters.production.maxFailures: "5" is not a percentage such as "5%"'],
    [{ maxFailures: -1 }, 'clusters.production.maxFailures: must not be below 0 (found -1)'],
    [{ maxFailures: true }, 'clusters.production.maxFailures: must be a number of servers or a percentage such as "5%" (found true)'],
    [{ servers: [] }, 'clusters.production.servers: must name at least one server'],
    [
      { shared: ['/etc/passwd'] },
      'clusters.production.shared[0]: must be relative, without a slash at its beginning (found "/etc/passwd")',
    ],
    [{ shared: ['../x'] }, 'clusters.production.shared[0]: must not hold ".."'],
    [{ shared: ['var/', 'var/uploads/'] }, 'clusters.production.shared[1]: "var/uploads/" is shared already by "var"'],
    [{ shared: ['var', 'var/'] }, 'clusters.production.shared[1]: "var/" is shared already by "var"'],
    [{ maintenance: true }, 'clusters.production.maintenance: must be false (no maintenance window) or an object'],
    [
      { maintenance: { lockTimeout: '120' } },
      'clusters.production.maintenance.lockTimeout: "120" is not a duration; write a number and ms, s, m, h or d',
    ],
    [{ maintenance: { lockTimeout: '99d' } }, 'clusters.production.maintenance.lockTimeout: "99d" is too long; at most "24d" is allowed'],
    [{ layout: { kind: 'ab', a: 'one', b: 'one', config: '/etc/nginx/shop.conf' } }, 'clusters.production.layout.b: must not be "one" too'],
    [{ layout: { kind: 'ab', a: 'current', config: 'x' } }, 'clusters.production.layout.a: "current" is a name that Lockstep uses itself'],
    [{ layout: { kind: 'ab', a: '../a', config: 'x' } }, 'clusters.production.layout.a: "../a" is not a plain name'],
    [
      { maintenance: { lockTimeout: '10s', botsTimeout: '10s' } },
      'clusters.production.maintenance.botsTimeout: must be shorter than lockTimeout',
    ],
    [{ maintenance: { page: 'missing.html' } }, 'clusters.production.maintenance.page: '],
    [{ maintenance: { pge: 'x' } }, 'clusters.production.maintenance.pge: unknown key; did you mean "page"?'],
    [{ commands: { lock: '' } }, 'clusters.production.commands.lock: must not be empty; leave the key out instead'],
    [{ commands: { lock: { run: 'x', on: 'daemon' } } }, 'clusters.production.commands.lock.on: unknown key; allowed: run, timeout'],
    [{ commands: { lock: { timeout: '5s' } } }, 'clusters.production.commands.lock.run: is missing; it must be a string'],
    [
      { commands: { migrate: { run: 'x', on: 'web2' } } },
      'clusters.production.commands.migrate.on: no server of this cluster is called "web2"',
    ],
    [{ commands: { migrat: 'x' } }, 'clusters.production.commands.migrat: unknown key; did you mean "migrate"?'],
    [{ verify: { http: ['ftp://x'] } }, 'clusters.production.verify.http[0]: "ftp://x" is not an http:// or https:// URL'],
    [
      { verify: { http: ['http://{hots}/'] } },
      'clusters.production.verify.http[0]: {hots} is unknown; allowed: {host}, {server}, {release}, {revision}',
    ],
    [{ verify: {} }, 'clusters.production.verify: checks nothing; name URLs in "http" or "cluster", or a "heartbeat" command'],
    [
      { verify: { http: [{ url: 'http://x/', address: 'a b' }] } },
      'clusters.production.verify.http[0].address: "a b" is not an address; write "host:port"',
    ],
    [
      { verify: { cluster: ['http://{host}/'] } },
      'clusters.production.verify.cluster[0]: {host} is unknown; allowed: {release}, {revision}',
    ],
    [
      { verify: { cluster: [{ url: 'http://x/', when: 'before-unlock' }] } },
      'clusters.production.verify.cluster[0].when: must be "after-unlock"',
    ],
    [{ maintenance: false, behind: 'lock' }, 'clusters.production.behind: cannot be "lock": the cluster has no maintenance window'],
    [{ behind: 'drain' }, 'clusters.production.behind: cannot be "drain" without "commands": { "drain": … }'],
    [{ simulation: {} }, 'clusters.production.simulation: needs "transport": "simulated" beside it'],
    [{ transport: 'ftp' }, 'clusters.production.transport: is "ftp"; allowed: "simulated"'],
    [{ environment: 'a b' }, 'clusters.production.environment: "a b" is not a word'],
    [{ path: '/srv/../x' }, 'clusters.production.path: "/srv/../x" must not hold ".."'],
    [{ path: null }, 'clusters.production.path: must be a string (found null)'],
  ])('%j are refused with what is allowed', async (settings, message) => {
    const problems = await workspace.problems(withCluster(settings));
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(message);
  });
});

describe('repositories', () => {
  const shop = (settings: Record<string, unknown>): Record<string, unknown> =>
    minimal({ repositories: { shop: { type: 'git', url: '/r', ...settings } } });

  test.each([
    ['git', 'ssh://git@git.example.org:2222/shop.git', null],
    ['git', 'https://git.example.org/shop.git', null],
    ['git', 'git@git.example.org:group/shop.git', null],
    ['git', 'git.example.org:shop.git', null],
    ['git', 'file:///srv/git/shop.git', null],
    ['git', '../shop.git', '/shop.git'],
    ['svn', 'https://svn.example.org/portal', null],
    ['svn', 'svn+ssh://svn@svn.example.org/portal', null],
    ['svn', 'file:///srv/svn/portal', null],
    ['svn', './repos/my portal', '/repos/my%20portal'],
  ])('of type %s may be at %s', async (type, url, end) => {
    const { configuration, warnings } = await workspace.load(shop({ type, url }));
    const loaded = configuration.repositories.get('shop')?.url;
    if (end === null) expect(loaded).toBe(url);
    else expect(loaded?.endsWith(end)).toBe(true);
    expect(warnings).toEqual([]);
  });

  test('over a connection that is not encrypted get a warning', async () => {
    expect((await workspace.load(shop({ url: 'http://git.example.org/shop' }))).warnings[0]).toContain(
      'repositories.shop.url: http:// is not encrypted',
    );
  });

  test.each([
    [{ url: 'ext::sh -c id' }, 'has a transport that is not allowed; allowed: ssh://'],
    [{ url: 'fd::17' }, 'has a transport that is not allowed'],
    [{ url: 'gopher://x/y' }, 'begins with gopher://, which is not allowed for git'],
    [{ url: 'svn://x/y' }, 'which is not allowed for git'],
    [{ url: 'ssh://-oProxyCommand=id/x' }, ''],
    [{ url: 'ssh://-oProxyCommand@x/x' }, 'user name that begins with "-"'],
    [{ url: '--upload-pack=id' }, 'is not a repository URL'],
    [{ url: '-u@host:path' }, 'is not a repository URL'],
    [{ url: 'git@host:-x' }, 'is not of the form'],
    [{ url: 'https://joe:secret@x/y' }, 'must not hold a password'],
    [{ url: 'file://host/x' }, 'must be file:// and an absolute path'],
    [{ url: 'file://./x' }, 'must be file:// and an absolute path'],
    [{ url: '' }, 'must not be empty'],
    [{ type: 'hg' }, 'is "hg"; allowed: "git", "svn"'],
    [{ externals: ['x'] }, 'externals: is only for Subversion'],
    [{ type: 'svn', lfs: true }, 'lfs: is only for Git'],
    [{ submodules: true }, 'submodules: must be false or a list of host names'],
    [{ submodules: [] }, 'must name at least one host'],
    [{ submodules: ['-x'] }, 'is not a host name'],
    [{ type: 'svn', passwordFile: 'x' }, 'needs "username" beside it'],
    [{ type: 'svn', forge: 'github' }, 'is only for Git'],
    [{ forge: 'githup' }, 'did you mean "github"?'],
    [{ hookSources: ['192.30.252.0/33'] }, 'is not an address or a network'],
    [{ hookSources: ['github.com'] }, 'is not an address or a network'],
    [{ hookSources: ['fe80::1%eth0'] }, 'is not an address or a network'],
    [{ hookSources: '10.0.0.0/8' }, 'must be a list'],
    [{ username: 'x' }, 'needs "passwordFile" beside it'],
    [{ type: 'svn', url: 'https://joe@svn.example.org/x' }, 'names an account; use "username" for it'],
    [{ password: 'x' }, 'unknown key; did you mean "passwordFile"?'],
    [{ poll: '10ms' }, 'is too short; at least "1s" is allowed'],
  ])('with %j are refused', async (settings, message) => {
    const problems = await workspace.problems(shop(settings));
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(message);
    expect(problems[0]).toMatch(/^:\d+:\d+ {2}repositories\.shop\./);
    expect(problems[0]).not.toContain('secret');
  });
});

describe('branches', () => {
  const box = (name: string): unknown => ({ servers: [{ path: `/srv/${name}` }] });
  const setUp = (rules: [string, string[]][], clusters: string[]): Record<string, unknown> =>
    minimal({
      branches: rules.map(([branch, names]) => ({ repository: 'shop', branch, clusters: names })),
      clusters: Object.fromEntries(clusters.map((name) => [name, box(name)])),
    });

  test.each([
    [
      [['b', ['prodution']]],
      ['production'],
      'branches[0].clusters[0]: there is no cluster "prodution"; did you mean "production"? (known: "production")',
    ],
    [[['b', ['x-{d}']]], ['x-{d}'], 'branches[0].clusters[0]: {d} of "x-{d}" is not part of the branch "b"'],
    [
      [
        ['a', ['x']],
        ['a', ['y']],
      ],
      ['x', 'y'],
      'branches[1].branch: "a" of shop has its rule in branches[0] already',
    ],
    [
      [
        ['s/{a}', ['x-{a}']],
        ['s/{b}', ['y-{b}']],
      ],
      ['x-{a}', 'y-{b}'],
      'branches[1].branch: "s/{b}" and "s/{a}" (branches[0]) can match the same branch',
    ],
    [
      [
        ['s/ab{a}', ['x-{a}']],
        ['s/{b}cd', ['y-{b}']],
      ],
      ['x-{a}', 'y-{b}'],
      'with equally many literal characters',
    ],
    [
      [
        ['a', ['x']],
        ['b', ['x']],
      ],
      ['x'],
      'branches[1].clusters[0]: "x" is fed by "a" of shop (branches[0]) and by "b" of shop; a cluster has one branch',
    ],
    [[['a', ['x', 'x']]], ['x'], 'branches[0].clusters[1]: "x" stands twice in this list'],
    [[['refs/heads/a', ['x']]], ['x'], 'is a full ref'],
    [[['servers/*', ['x']]], ['x'], 'a variable part is written {name}'],
    [[['servers/${d}', ['x']]], ['x'], 'a variable part is written {name}'],
    [[['/a', ['x']]], ['x'], 'must not hold empty path segments'],
    [[['a/../b', ['x']]], ['x'], 'must not hold empty path segments, "." or ".."'],
    [[['-a', ['x']]], ['x'], 'must not begin with "-"'],
    [[['s/{a}{b}', ['x']]], ['x'], 'has more than one {name}'],
    [[['s/{host}', ['x-{host}']]], ['x-{host}'], 'clusters.x-{host}: {host} has a meaning of its own'],
  ] as [[string, string[]][], string[], string][])('%j with clusters %j are refused', async (rules, clusters, message) => {
    const problems = await workspace.problems(setUp(rules, clusters));
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(message);
  });

  test('may overlap where one is more exact', async () => {
    const rules: [string, string[]][] = [
      ['s/{a}', ['x-{a}']],
      ['s/qa-{b}', ['y-{b}']],
      ['s/production', ['z']],
    ];
    expect(await workspace.problems(setUp(rules, ['x-{a}', 'y-{b}', 'z']))).toEqual([]);
  });

  test('of a pattern that share one cluster get a warning', async () => {
    const { warnings } = await workspace.load(setUp([['s/{a}', ['x']]], ['x']));
    expect(warnings).toEqual(['branches[0].clusters[0]: "x" lacks {a}; of several branches that match, only the first is deployed to it']);
  });

  test('of an unknown repository are refused with a suggestion', async () => {
    const branches = [{ repository: 'shpo', branch: 'b', clusters: ['production'] }];
    expect((await workspace.problems(minimal({ branches })))[0]).toContain('there is no repository "shpo" (known: "shop")');
  });

  test('build in ways that stay inside the export', async () => {
    const build = (settings: unknown): Record<string, unknown> =>
      minimal({ branches: [{ repository: 'shop', branch: 'b', clusters: ['production'], build: settings }] });
    const good = {
      command: 'make',
      output: 'dist/',
      subdirectory: 'web',
      timeout: '1h',
      cache: ['node_modules/'],
      environment: { A: 'b' },
      network: false,
    };
    expect((await workspace.load(build(good))).configuration.branches[0]?.build).toEqual({
      ...{ command: 'make', output: 'dist', subdirectory: 'web', timeoutMs: 3_600_000 },
      ...{ cache: ['node_modules'], environment: { A: 'b' }, network: false },
    });
    for (const bad of [
      { output: '../x' },
      { output: '/x' },
      { subdirectory: 'a/./b' },
      { cache: ['..'] },
      { environment: { 'a b': 'c' } },
      { environment: { A: 1 } },
    ]) {
      expect(await workspace.problems(build(bad))).toHaveLength(1);
    }
  });
});

describe('problems', () => {
  test('are all named at once, each with line, column and key', async () => {
    const text = `{
  "project": "a/b",
  "repositories": { "shop": { "type": "git", "url": "/r", "pol": "3m" } },
  "branches": [
    { "repository": "shop", "branch": "a", "clusters": ["production", "demo"] },
    { "repository": "shop", "clusters": ["nothing"] }
  ],
  "clusters": {
    "production": {
      "path": "/srv/shop",
      "servers": ["deploy@web1"],
      "concurency": 5,
      "keep": 0
    },
    "demo": { "servers": ["deploy@web2"], "keep": 5, "keep": 6 },
    "bad name": { "servers": [{ "path": "/x" }] }
  }
}`;
    expect(await workspace.problems(text)).toEqual([
      ':2:14  project: "a/b" is not a name; letters, digits, ".", "-" and "_" are allowed, a letter or digit first, 64 at most',
      ':3:59  repositories.shop.pol: unknown key; did you mean "poll"?',
      ':6:5  branches[1].branch: is missing; it must be a string',
      ':12:7  clusters.production.concurency: unknown key; did you mean "concurrency"?',
      ':13:15  clusters.production.keep: must be at least 1 (found 0)',
      ':15:27  clusters.demo.servers[0]: has no path; add "path" to it or to its cluster',
      ':15:54  clusters.demo.keep: stands twice in this object',
      ':16:5  clusters["bad name"]: is not a name of a cluster; letters, digits, ".", "-", "_" and {name} are allowed, a letter, digit or {name} first',
    ]);
  });

  test('of syntax say where the reading stopped', async () => {
    expect(await workspace.problems('')).toEqual([':1:1  the file is not valid JSON: value expected']);
    expect(await workspace.problems('// nothing')).toHaveLength(1);
    expect((await workspace.problems('{\n  "project": "shop"\n  "branches": []\n}'))[0]).toBe(
      ':3:3  the file is not valid JSON: comma expected',
    );
    expect((await workspace.problems('{ "project": "sh'))[0]).toContain(':1:14  the file is not valid JSON');
    expect(await workspace.problems('[]')).toEqual([':1:1  the file must be an object (found a list)']);
    expect(await workspace.problems('null')).toEqual([':1:1  the file must be an object (found null)']);
  });

  test('of a hostile file are found without harm', async () => {
    expect(await workspace.problems('['.repeat(900_000))).toEqual([expect.stringContaining('is nested more than 50 levels deep')]);
    expect(await workspace.problems(`"${'x'.repeat(1024 * 1024)}"`)).toEqual([expect.stringContaining('is larger than 1024 KiB')]);
    const polluted = await workspace.problems(
      '{ "__proto__": { "polluted": 1 }, "project": "x", "repositories": {}, "branches": [], "clusters": { "__proto__": {} } }',
    );
    expect(polluted.filter((line) => line.includes('is not allowed as a key'))).toHaveLength(2);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
    const constructors = await workspace.problems(JSON.stringify({ ...minimal(), constructor: {}, toString: 1 }));
    expect(constructors.map((line) => line.split(':').at(2))).toEqual(expect.arrayContaining([expect.stringContaining('constructor')]));
    const many = Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`k${i}`, 1]));
    const lines = await workspace.problems({ ...minimal(), ...many });
    expect(lines).toHaveLength(101);
    expect(lines.at(-1)).toContain('and 19900 more problems');
  });

  test('never carry terminal controls or line breaks of the file on', async () => {
    const problems = await workspace.problems(withCluster({ environment: 'a\u001b[31m\n\u202e\u0085b', ['k\u001b\n']: 1 }));
    expect(problems).toHaveLength(2);
    for (const line of problems) expect(line).toMatch(/^[\x20-\x7e…]*$/);
  });

  test('of a file that cannot be read say what to do', async () => {
    await expect(loadConfiguration(join(workspace.directory, 'absent.json'))).rejects.toThrow(
      /absent\.json: cannot be read: ENOENT.* Name the file with --config, or create it with: lockstep init/,
    );
  });
});
