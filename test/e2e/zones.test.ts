// Zones: a pack crosses the slow line once, to a relay, whatever happens to relays; and no relay is trusted.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSlowLine } from '../lab/slow-line.ts';
import type { Place, SlowLine } from '../lab/slow-line.ts';
import { startSshd } from '../lab/sshd.ts';
import type { Sshd } from '../lab/sshd.ts';
import { until } from '../lab/until.ts';
import { difference, must, openWorkshop, run, untilLive } from '../lab/workshop.ts';
import type { Workshop } from '../lab/workshop.ts';

const ZONES = ['oslo', 'tokyo'] as const;
const SERVERS = [1, 2, 3, 4];
const SSH = '/usr/bin/ssh';

/**
 * Every server has an sshd of its own, which knows two keys: the daemon's, and the relays', which is good for `take-pack` alone. The daemon
 * reaches servers over the zone's line only, and relays reach them inside.
 */
describe('two zones of four servers, each behind a line of 50 ms', () => {
  const lines = new Map<string, SlowLine>(ZONES.map((zone) => [zone, openSlowLine({ roundTripMs: 50 })]));
  const daemons = new Map<string, Sshd>();
  /** A directory for each server, where it looks for programs first. */
  const bins = new Map<string, string>();
  const places = new Map<string, Place>();
  let shop: Workshop;
  let key: string;

  beforeAll(async () => {
    const names = ZONES.flatMap((zone) => SERVERS.map((i) => `${zone}${i}`));
    for (const name of names) {
      const [first] = daemons.values();
      bins.set(name, await mkdtemp(join(tmpdir(), 'lockstep-bin-')));
      const sshd = await startSshd({ ...(first && { from: first }), environment: [`PATH=${bins.get(name) ?? ''}:/usr/bin:/bin`] });
      daemons.set(name, sshd);
      places.set(name, await lineOf(name).to({ host: '127.0.0.1', port: sshd.port }));
    }
    const [one] = [...daemons.values()] as [Sshd];
    key = join(one.directory, 'relay key');
    await must('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]);
    const hostKey = (await readFile(join(one.directory, 'host.pub'), 'utf8')).split(' ').slice(0, 2).join(' ');
    const knownHosts = join(one.directory, 'known_by_daemon');
    await writeFile(knownHosts, [...places.values()].map(({ host, port }) => `[${host}]:${port} ${hostKey}\n`).join(''));
    shop = await openWorkshop(({ dir, git }) => ({
      project: 'shop',
      repositories: { shop: { type: 'git', url: git } },
      branches: [{ repository: 'shop', branch: 'main', clusters: ['world'] }],
      clusters: {
        world: {
          environment: 'test',
          ssh: { identity: one.identity, knownHosts },
          maxFailures: 1,
          behind: 'serve',
          maintenance: false,
          servers: names.map((name) => ({
            name,
            ...placeOf(name),
            user: one.user,
            path: join(dir, 'servers', name),
            zone: name.slice(0, -1),
            zoneAddress: `127.0.0.1:${daemons.get(name)?.port ?? 0}`,
          })),
          zones: {
            oslo: { relays: ['oslo1', 'oslo2'], identity: key, bandwidth: '1M' },
            tokyo: { relays: ['tokyo1', 'tokyo2'], identity: key },
          },
        },
      },
    }));
    const publicKey = await readFile(`${key}.pub`, 'utf8');
    for (const [name, sshd] of daemons) {
      const command = `command="sh ${path(name)}/.lockstep/take-pack",restrict`;
      await writeFile(join(sshd.directory, 'authorized_keys'), `${await readFile(one.identity + '.pub', 'utf8')}${command} ${publicKey}`);
    }
    await shop.start();
  });

  afterAll(async () => {
    await shop.close();
    for (const line of lines.values()) await line.close();
    for (const sshd of daemons.values()) await sshd.stop();
    for (const directory of bins.values()) await rm(directory, { recursive: true });
  });

  const lineOf = (name: string): SlowLine => lines.get(name.slice(0, -1)) as SlowLine;
  const placeOf = (name: string): Place => places.get(name) as Place;
  const path = (name: string): string => join(shop.dir, 'servers', name);

  /** So many bytes that cannot be compressed, and a third of that. */
  const noise = (bytes: number): string => randomBytes(bytes).toString('base64');

  /** `bytes`: over each zone's line; `packs`: what was sent for each server, as the daemon counts it. */
  async function deploy(files: Record<string, string>): Promise<{ log: string; bytes: Map<string, number>; packs: Map<string, number> }> {
    const before = new Map(ZONES.map((zone) => [zone, total(zone)]));
    const revision = await shop.commit(files);
    await shop.push('HEAD:main');
    const { code, stderr } = await shop.lockstep(['deploy', 'world', '--wait']);
    expect([code, stderr]).toEqual([0, '']);
    const { deployment } = await untilLive(shop, 'world', revision);
    const { stdout: log } = await shop.lockstep(['logs', String(deployment)]);
    const bytes = new Map(ZONES.map((zone) => [zone as string, total(zone) - (before.get(zone) ?? 0)]));
    const packs = new Map((await shop.show(deployment ?? 0)).servers.map((server) => [server.name, server.bytes]));
    return { log, bytes, packs };
  }

  const total = (zone: string): number => (lines.get(zone)?.sent() ?? 0) + (lines.get(zone)?.received() ?? 0);
  /** Servers that serve something else than the commit, with the first difference. */
  async function unequal(names: readonly string[]): Promise<string[]> {
    const found = await Promise.all(names.map(async (name) => [name, await difference(shop.tree, join(path(name), 'current/'))]));
    return found.filter(([, text]) => text !== '').map((one) => one.join(': '));
  }
  /** What the server's own ssh does, done by these lines instead. */
  const behave = (name: string, lines: string): Promise<void> =>
    writeFile(join(bins.get(name) ?? '', 'ssh'), `#!/bin/sh\n${lines}\n`, { mode: 0o755 });
  const ALL = ZONES.flatMap((zone) => SERVERS.map((i) => `${zone}${i}`));

  test('the first copy and a change cross each line once, and the budget holds', async () => {
    await deploy({ 'index.html': 'one\n', 'one.bin': noise(300_000) });
    const oslo = lines.get('oslo')?.sent() ?? 0;
    const tokyo = lines.get('tokyo')?.sent() ?? 0;
    const { log, bytes, packs } = await deploy({ 'index.html': 'two\n', 'two.bin': noise(3_000_000) });
    for (const zone of ZONES) {
      const pack = packs.get(`${zone}1`) ?? 0;
      expect(pack).toBeGreaterThan(3_000_000);
      // All that TCP carried in both directions: the pack, ssh, and every verb and answer of the whole deployment.
      expect((bytes.get(zone) ?? Infinity) / pack).toBeLessThan(1.1);
      expect(log).toContain(`the pack for ${zone}1 comes as the relay (zone ${zone})`);
      for (const i of [2, 3, 4]) expect(log).toContain(`the pack for ${zone}${i} comes by relay ${zone}1 (zone ${zone})`);
    }
    const peak = lines.get('oslo')?.peak(2_000, oslo) ?? Infinity;
    expect(peak).toBeLessThan(1.3 * 2_000_000);
    expect(lines.get('tokyo')?.peak(2_000, tokyo)).toBeGreaterThan(peak);
    expect(await unequal(ALL)).toEqual([]);
    expect((await shop.lockstep(['plan', 'world'])).stdout.replace(/\s+/g, ' ')).toContain(
      'zone oslo: once to relay oslo1, which hands it to oslo2, oslo3, oslo4 (else by oslo2, else directly, at most 1000000 bytes/s, what changed as a patch)',
    );
    for (const name of ALL) expect(existsSync(join(path(name), '.lockstep/packs'))).toBe(false);
  }, 120_000);

  test('over a line with a budget changes of large files come as a patch, and everybody gets the pack that the relay makes of it', async () => {
    const texts = Array.from({ length: 8 }, () => noise(120_000));
    const files = (text: string) => Object.fromEntries(texts.map((one, i) => [`large/${i}.txt`, `${text} ${one} ${text}`]));
    await deploy(files('before'));
    const { log, bytes } = await deploy(files('after'));
    expect(log).toMatch(/oslo1 got a patch of \d+ bytes against \S+ in place of the pack \(\d{6,} bytes\)/);
    for (const i of [2, 3, 4]) expect(log).toContain(`the pack for oslo${i} comes by relay oslo1 (zone oslo)`);
    expect((bytes.get('oslo') ?? Infinity) * 5).toBeLessThan(bytes.get('tokyo') ?? 0);
    expect(await unequal(ALL)).toEqual([]);
  }, 60_000);

  test('a server without a release gets its first copy from a neighbour, with the others and alone', async () => {
    const content = (await must('du', ['-sb', '--exclude=.git', shop.tree])).split('\t')[0];
    expect(Number(content)).toBeGreaterThan(4_000_000);
    // Connections that are kept open would still stand in directories that are gone.
    await shop.stop();
    for (const name of ['oslo4', 'tokyo4']) await rm(path(name), { recursive: true, maxRetries: 20, retryDelay: 100 });
    await shop.start();
    const { log, bytes } = await deploy({ 'index.html': 'with a new server\n' });
    for (const zone of ZONES) {
      expect(log).toMatch(new RegExp(`${zone}1 got a patch of \\d+ bytes against`));
      expect(log).toContain(`the pack for ${zone}4 comes by relay ${zone}1 (zone ${zone})`);
      expect(bytes.get(zone)).toBeLessThan(Number(content) / 10);
    }
    expect(await unequal(ALL)).toEqual([]);

    // Away while the others get a release, and back with nothing.
    const sshd = daemons.get('tokyo4') as Sshd;
    const keys = await readFile(join(sshd.directory, 'authorized_keys'), 'utf8');
    await shop.stop();
    await sshd.stop();
    await rm(path('tokyo4'), { recursive: true, maxRetries: 20, retryDelay: 100 });
    await shop.start();
    await deploy({ 'index.html': 'without it\n' });
    const missed = (await shop.status('world')).deployment ?? 0;
    const before = total('tokyo');
    const [one] = daemons.values();
    const again = await startSshd({
      port: sshd.port,
      ...(one && { from: one }),
      environment: [`PATH=${bins.get('tokyo4') ?? ''}:/usr/bin:/bin`],
    });
    await writeFile(join(again.directory, 'authorized_keys'), keys);
    daemons.set('tokyo4', again);
    await until(async () => (await unequal(['tokyo4'])).length === 0, { timeoutMs: 40_000, what: 'it is brought up' });
    const isOver = async (): Promise<boolean> => (await shop.show(missed + 1)).state === 'ended';
    await until(isOver, { what: 'that ends' });
    const { stdout } = await shop.lockstep(['logs', String(missed + 1)]);
    expect(stdout).toContain('the pack for tokyo4 comes by relay tokyo1 (no other server of zone tokyo takes part)');
    expect(total('tokyo') - before).toBeLessThan(Number(content) / 10);
    expect(existsSync(join(path('tokyo1'), '.lockstep/packs')) ? readdirSync(join(path('tokyo1'), '.lockstep/packs')) : []).toEqual([]);
  }, 120_000);

  test('doctor says whom a relay does not reach', async () => {
    const file = join((daemons.get('tokyo4') as Sshd).directory, 'authorized_keys');
    const keys = await readFile(file, 'utf8');
    await writeFile(file, keys.split('\n').slice(0, 1).join('\n'));
    const { stdout } = await shop.lockstep(['doctor', '--cluster', 'world', '--json']);
    await writeFile(file, keys);
    for (const name of ['tokyo1', 'tokyo2']) {
      expect(stdout).toMatch(
        new RegExp(`"server ${name} of world"[^}]*as a relay of zone tokyo it does not reach tokyo4: [^"]*Permission denied`),
      );
      expect(stdout).toMatch(new RegExp(`"server ${name} of world"[^}]*as a relay of zone tokyo it reaches 2 of 3`));
    }
    expect(stdout).toMatch(/"server oslo2 of world"[^}]*as a relay of zone oslo it reaches 3 of 3/);
  });

  test('the key of relays is good for packs that the daemon has announced, and for nothing else', async () => {
    const { user, directory } = daemons.get('tokyo4') as Sshd;
    const hash = '0'.repeat(64);
    const options = [
      '-F',
      'none',
      '-o',
      `UserKnownHostsFile=${join(directory, 'known_hosts')}`,
      '-o',
      'BatchMode=yes',
      '-o',
      'IdentitiesOnly=yes',
    ];
    const ask = (...words: string[]) =>
      run('ssh', [...options, '-i', key, '-p', String(daemons.get('tokyo4')?.port), `${user}@127.0.0.1`, ...words]);
    expect(await ask('touch', join(path('tokyo4'), 'touched'))).toMatchObject({ code: 1, stderr: 'no pack is named\n' });
    expect(await ask('sh', 'take-pack', hash, '10')).toMatchObject({ code: 1, stderr: 'the daemon has not announced this pack here\n' });
    expect(existsSync(join(path('tokyo4'), 'touched'))).toBe(false);
    expect(existsSync(join(path('tokyo4'), '.lockstep/packs'))).toBe(false);
  });

  test('in one zone relays lie, in the other one the first dies in the middle: the deployment ends well', async () => {
    await behave('tokyo1', 'cat >/dev/null');
    await behave('tokyo2', `{ head -c 5000; printf x; tail -c +5002; } | ${SSH} "$@"`);
    const line = lines.get('oslo') as SlowLine;
    const before = line.sent();
    const deployed = deploy({ 'index.html': 'three\n', 'three.bin': noise(1_500_000) });
    await until(() => line.sent() > before + 500_000, { what: 'a part of the pack is on its way' });
    await line.cut(placeOf('oslo1'));
    process.kill(daemons.get('oslo1')?.pid ?? 0);
    const { log, bytes } = await deployed;
    expect(await unequal(ALL.filter((name) => name !== 'oslo1'))).toEqual([]);
    const wayOf = (name: string): string => log.split('\n').find((one) => one.includes(`the pack for ${name} comes directly`)) ?? '';
    for (const name of ['tokyo3', 'tokyo4']) {
      expect(wayOf(name)).toMatch(/relay tokyo1: .*the pack that a relay should have brought is not here/);
      expect(wayOf(name)).toMatch(/relay tokyo2: what came is not the pack that was announced/);
    }
    for (const i of [3, 4]) expect(log).toMatch(new RegExp(`the pack for oslo${i} comes by relay oslo2 \\(zone oslo; relay oslo1: `));
    // One copy for the relay that lives, and what the dead one had got.
    expect(bytes.get('oslo')).toBeLessThan(1.1 * (1_500_000 + 1_000_000));
  }, 120_000);
});
