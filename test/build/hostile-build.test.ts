// A build that wants out: it tries forty ways to read, write, kill, trace or reach what is not its own.
import { afterEach, expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { homedir, networkInterfaces } from 'node:os';
import { join } from 'node:path';
import type { Isolation } from '../../src/build/isolation.ts';
import { openWorkshop, processesWith } from './workshop.ts';
import type { Workshop } from './workshop.ts';

const isRoot = process.getuid?.() === 0;
const endings: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});

/** What lies and runs around a build, all of it within its reach if nothing isolated it. */
async function surroundings() {
  // Outside /tmp, which a build has for itself anyway.
  const shop: Workshop = await openWorkshop({ a: '1' }, {}, isRoot ? '/var/lib' : undefined);
  endings.push(() => shop.remove());
  await mkdir(join(shop.data, 'secrets'));
  await writeFile(join(shop.data, 'secrets/shop'), 'whsec_canary', { mode: 0o644 });
  process.env['LOCKSTEP_TEST_SECRET'] = 'canary';
  endings.push(() => delete process.env['LOCKSTEP_TEST_SECRET']);

  // Of the account that builds run as, so that only the isolation stands between.
  const victim = spawn('sleep', ['7781'], { stdio: 'ignore', ...(isRoot && { uid: 65534, gid: 65534 }) });
  endings.push(() => victim.kill('SIGKILL'));

  const hits: string[] = [];
  const tcp = createServer((socket) => {
    hits.push(`tcp from ${String(socket.remoteAddress)}`);
    socket.on('error', () => undefined).end('reached');
  });
  await new Promise<void>((resolve) => tcp.listen(0, '::', resolve));
  const abstract = createServer((socket) => {
    hits.push('abstract socket');
    socket.on('error', () => undefined).end('reached');
  });
  const name = `lockstep-${process.pid}`;
  await new Promise<void>((resolve) => abstract.listen(`\0${name}`, resolve));
  const udp = createSocket('udp4', (_message, { port, address }) => {
    hits.push('udp');
    udp.send('reached', port, address);
  });
  await new Promise<void>((resolve) => udp.bind(0, '127.0.0.1', resolve));
  endings.push(() => [tcp.close(), abstract.close(), udp.close()]);
  const own = Object.values(networkInterfaces()).flatMap((all) => all ?? []);
  const outer = own.find(({ family, internal }) => family === 'IPv4' && !internal)?.address ?? '127.0.0.1';
  return { shop, victim: victim.pid ?? 0, hits, port: (tcp.address() as AddressInfo).port, udpPort: udp.address().port, name, outer };
}

/** `control`: possible for any process of this account, and harmless; so it shows that the attempt is one. */
function attempts({ shop: { data }, victim, port, udpPort, name, outer }: Awaited<ReturnType<typeof surroundings>>) {
  const connect = (options: string): string =>
    `node -e 'require("net").connect(${options}).on("error",()=>process.exit(1)).on("data",()=>process.exit(0)).setTimeout(3000,()=>process.exit(1))'`;
  const datagram = `node -e 'const s=require("dgram").createSocket("udp4");s.on("message",()=>process.exit(0)).on("error",()=>process.exit(1)).send("x",${udpPort},"127.0.0.1");setTimeout(()=>process.exit(1),1500)'`;
  const ptrace = `python3 -c 'import ctypes,sys; sys.exit(0 if ctypes.CDLL(None).ptrace(16,${victim},0,0)==0 else 1)'`;
  const readMemory = `python3 -c 'open("/proc/${victim}/mem","rb")'`;
  const read: [string, boolean][] = [
    [`cat ${data}/token`, false],
    [`cat ${data}/secrets/shop`, false],
    [`ls ${data}/artifacts`, false],
    [`ls ${data}/builds/work`, false],
    [`test -n "$(ls -A ${homedir()})"`, false],
    [`ls ${homedir()}/.ssh`, false],
    ['ls /run/*', false],
    [`cat /proc/${process.pid}/environ`, false],
    [`ls /proc/${process.pid}/fd`, false],
    [`cat /proc/${victim}/cmdline | grep 7781`, true],
    ['grep -l canary /proc/[0-9]*/environ', false],
    ['cat /etc/shadow', false],
    ['cat /dev/sda /dev/vda', false],
    ['dmesg', false],
    ['ls /proc/1/root/var/lib/lockstep-build-test-*', false],
  ];
  const write: [string, boolean][] = [
    ['echo x > /etc/lockstep-canary', false],
    ['echo x > /usr/lockstep-canary', false],
    ['echo x > /lockstep-canary', false],
    ['echo x > /var/lib/lockstep-canary', false],
    [`echo x > ${data}/x && test -e ${data}/token`, false],
    [`ln -s ${data}/token stolen && cat stolen && rm stolen || { rm -f stolen; false; }`, false],
    ['mount -t tmpfs none /mnt', false],
    ['mount -o remount,rw /usr', false],
    ['mknod device c 1 3', false],
    ['chown 0 a', false],
    ['chmod u+s /usr/bin/env', false],
    ['echo 1 > /proc/sys/kernel/sysrq', false],
  ];
  const kill: [string, boolean][] = [
    [`kill -0 ${process.pid}`, false],
    [`kill -9 ${victim}`, false],
    ['pkill -0 -f "sleep 778[1]"', true],
    [`kill -0 ${victim}`, true],
  ];
  const trace: [string, boolean][] = [
    [ptrace, false],
    [readMemory, false],
    [`ls /proc/${victim}/cwd/`, false],
    ['chroot / true', false],
    ['unshare --mount true', false],
    ['su -c true', false],
    ['sudo -n true', false],
  ];
  const network: [string, boolean][] = [
    [connect(`${port},"127.0.0.1"`), true],
    [connect(`${port},"::1"`), false],
    [connect(`${port},"${outer}"`), true],
    [connect(`"\\0${name}"`), true],
    [datagram, true],
    ['grep -v "^ *lo:" /proc/net/dev | grep :', false],
    ['ip link add canary type dummy', false],
    ['curl -s --max-time 3 http://169.254.169.254/', false],
  ];
  return { read, write, kill, trace, network };
}

/** Runs them one after the other in one build; those that were possible. */
async function possible(shop: Workshop, commands: readonly string[], isolation?: Isolation): Promise<string[]> {
  const script = commands.map((command, i) => `(\n${command}\n) > /dev/null 2>&1 < /dev/null && echo ${i} >> result`).join('\n');
  const builder = isolation === undefined ? undefined : await shop.reopen({ isolation });
  const { read } = await shop.build(`touch result\n${script}\ntrue`, {}, builder === undefined ? {} : { builder });
  return (await read('result'))
    .split('\n')
    .filter(Boolean)
    .map((number) => commands[Number(number)] ?? '');
}

test('forty and more attempts of a build to read, write, kill, trace or reach what is not its own are all denied', async () => {
  const around = await surroundings();
  const all = attempts(around);
  const commands = Object.values(all).flatMap((some) => some.map(([command]) => command));
  expect(commands.length).toBeGreaterThanOrEqual(40);
  console.log(
    Object.entries(all)
      .map(([kind, some]) => `${kind}: ${some.length}`)
      .join(', '),
  );

  expect(await possible(around.shop, commands)).toEqual([]);
  expect(around.hits).toEqual([]);
  expect(existsSync(`/proc/${around.victim}`)).toBe(true);
  for (const directory of ['/etc', '/usr', '/', '/var/lib']) expect(existsSync(join(directory, 'lockstep-canary'))).toBe(false);

  // It kills all that it can see, and leaves something running: that is its own, and is gone with it.
  await around.shop.build('setsid sleep 7782 & (sleep 7782 &) ; kill -9 -1; true').catch(() => undefined);
  expect(existsSync(`/proc/${around.victim}`)).toBe(true);
  expect(processesWith('sleep 7782')).toEqual([]);
});

test('the harmless ones of them are possible where nothing isolates: so it is the isolation that denies them', async () => {
  if (!isRoot) return;
  const around = await surroundings();
  const harmless = Object.values(attempts(around)).flatMap((some) => some.filter(([, control]) => control).map(([command]) => command));
  const account = { uid: 65534, gid: 65534 };
  expect(await possible(around.shop, harmless, { kind: 'setpriv', user: account, warning: 'only another account' })).toEqual(harmless);
  expect(around.hits.length).toBeGreaterThanOrEqual(3);
});
