// Outgoing requests reach public addresses and allowed networks only, whatever names and spellings say.
import { afterEach, describe, expect, test } from '@jest/globals';
import { createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { isAllowedAddress } from '../../src/notify/address.ts';
import { createSend } from '../../src/notify/outgoing.ts';
import { allowedAddresses } from '../../src/notify/resolve.ts';
import { sendMail } from '../../src/notify/email.ts';
import { startRecorder } from '../lab/recorder.ts';
import type { Recorder } from '../lab/recorder.ts';
import { LOOPBACK } from './sample.ts';

const signal = AbortSignal.timeout(60_000);
const open: (Recorder | { stop(): Promise<void> })[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.stop();
});

const recorder = async (): Promise<Recorder> => {
  const one = await startRecorder();
  open.push(one);
  return one;
};

describe('an address', () => {
  test.each([
    ...[
      '127.0.0.1',
      '127.255.0.9',
      '10.1.2.3',
      '172.16.0.1',
      '172.31.255.255',
      '192.168.1.1',
      '169.254.169.254',
      '100.100.100.200',
      '168.63.129.16',
    ],
    ...['0.0.0.0', '0.1.2.3', '192.0.0.192', '198.18.0.1', '203.0.113.9', '224.0.0.1', '239.255.255.250', '255.255.255.255', '240.0.0.1'],
    ...[
      '::',
      '::1',
      '::ffff:127.0.0.1',
      '::ffff:7f00:1',
      '0:0:0:0:0:ffff:a00:1',
      '::ffff:169.254.169.254',
      '::127.0.0.1',
      '64:ff9b::10.0.0.1',
      '64:ff9b::a00:1',
    ],
    ...[
      'fe80::1',
      'fe80::1%eth0',
      'fc00::1',
      'fd00:ec2::254',
      'ff02::1',
      'fec0::1',
      '2001:db8::1',
      '2002:7f00:1::',
      '2001::1',
      '100::1',
      '64:ff9b:1::1',
      '3fff::1',
      '',
    ],
  ])('%s is not public', (address) => {
    expect(isAllowedAddress(address, [])).toBe(false);
  });

  test.each([
    '1.1.1.1',
    '172.32.0.1',
    '100.128.0.1',
    '11.0.0.1',
    '::ffff:1.1.1.1',
    '64:ff9b::1.1.1.1',
    '2606:4700::1111',
    '2a00:1450:4001::200e',
  ])('%s is public', (address) => {
    expect(isAllowedAddress(address, [])).toBe(true);
  });

  test('of an allowed network may be reached, in every spelling, and its neighbour may not', () => {
    const allow = ['10.20.0.0/16', 'fd12::/32', '192.168.1.7'];
    for (const address of ['10.20.1.1', '::ffff:10.20.1.1', '::ffff:a14:101', 'fd12::9', '192.168.1.7'])
      expect(isAllowedAddress(address, allow)).toBe(true);
    for (const address of ['10.21.1.1', '::ffff:10.21.1.1', 'fd13::9', '192.168.1.8']) expect(isAllowedAddress(address, allow)).toBe(false);
  });
});

describe('a request', () => {
  test.each(['127.0.0.1', '127.1', '2130706433', '0x7f000001', '0177.0.0.1', '[::1]', '[::ffff:127.0.0.1]', 'localhost', '0'])(
    'to %s is refused before anything connects',
    async (host) => {
      const { port, told } = await recorder();
      await expect(createSend(() => [])({ url: `https://${host}:${port}/` }, signal)).rejects.toMatchObject({
        isFinal: true,
        message: expect.stringContaining('is not a public address; if it is meant, add its network to "notices.allow"'),
      });
      expect(told).toEqual([]);
    },
  );

  test('goes to the address that was checked, although the name would lead elsewhere the next time', async () => {
    const { port, told } = await recorder();
    const asked: string[] = [];
    const answers = [[{ address: '127.0.0.1', family: 4 }], [{ address: '127.0.0.2', family: 4 }]];
    const resolve = (host: string) => Promise.resolve(answers[asked.push(host) - 1] ?? []);
    const send = createSend(() => ['127.0.0.1'], resolve);
    expect((await send({ url: `http://rebind.example:${port}/in`, body: 'x' }, signal)).status).toBe(200);
    expect(asked).toEqual(['rebind.example']);
    expect(told[0]).toMatchObject({ path: '/in', headers: { host: `rebind.example:${port}` } });
  });

  test('to a name with one bad address among good ones is refused', async () => {
    const both = () =>
      Promise.resolve([
        { address: '1.1.1.1', family: 4 },
        { address: '169.254.169.254', family: 4 },
      ]);
    await expect(allowedAddresses('two.example', [], both)).rejects.toThrow('two.example (169.254.169.254) is not a public address');
  });

  test('is encrypted, except in allowed networks', async () => {
    const far = () => Promise.resolve([{ address: '1.1.1.1', family: 4 }]);
    await expect(createSend(() => [], far)({ url: 'http://far.example/' }, signal)).rejects.toThrow('is not asked over plain http');
    for (const url of ['ftp://x.example/', 'file:///etc/passwd', 'gopher://x/', 'nonsense', 'https://user:word@x.example/']) {
      await expect(createSend(() => [])({ url }, signal)).rejects.toMatchObject({ isFinal: true });
    }
  });

  test('to a server whose certificate nobody knows is not made', async () => {
    const { port } = await recorder();
    await expect(createSend(() => LOOPBACK)({ url: `https://127.0.0.1:${port}/` }, signal)).rejects.toMatchObject({ isFinal: false });
  });

  test('takes no more of an answer than 64 KiB', async () => {
    const one = await recorder();
    one.answer(() => ({ body: 'x'.repeat(5_000_000) }));
    expect((await createSend(() => LOOPBACK)({ url: one.url }, signal)).body).toHaveLength(65_536);
  });

  test('to a host that takes it and never answers ends', async () => {
    const silent: Server = createServer(() => undefined);
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(silent.address() as AddressInfo).port}/secret`;
    const failure = await createSend(() => LOOPBACK)({ url }, AbortSignal.timeout(300)).catch((error: unknown) => error as Error);
    silent.close();
    expect(failure).toMatchObject({ message: expect.stringContaining('did not answer'), isFinal: false });
    expect((failure as Error).message).not.toContain('secret');
  });
});

test('mail passes the same guard', async () => {
  const mail = {
    server: 'smtp://localhost:25',
    user: null,
    password: null,
    from: 'a@example.org',
    to: ['b@example.org'],
    subject: '',
    text: '',
    id: '',
  };
  await expect(sendMail(mail, [], signal)).rejects.toThrow('is not a public address');
});
