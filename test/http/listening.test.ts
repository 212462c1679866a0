import { afterEach, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TLSSocket } from 'node:tls';
import { readCertificate } from '../../src/http/certificate.ts';
import { checkListening, IN_PLAIN } from '../../src/http/listening.ts';
import { until } from '../lab/until.ts';
import { run, LOCKSTEP } from '../lab/workshop.ts';
import { ask, startServer, withToken } from './lab.ts';
import { OWNER_TOKEN } from '../lab/people.ts';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function directory(): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), 'lockstep-tls-'));
  closing.push(() => rm(made, { recursive: true, force: true }));
  return made;
}

function makeCertificate(dir: string, name: string): { certificate: string; key: string } {
  const files = { certificate: join(dir, `${name}.pem`), key: join(dir, `${name}.key`) };
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  execFileSync('openssl', ['req', '-x509', ...kind, '-subj', `/CN=${name}`, '-keyout', files.key, '-out', files.certificate], {
    stdio: 'ignore',
  });
  return files;
}

const nameAt = (url: string, headers: Record<string, string>): Promise<{ name: string; status: number; cookies: string[] }> =>
  new Promise((resolve, reject) => {
    const body = new URLSearchParams({ name: '', password: OWNER_TOKEN, next: '/' }).toString();
    const options = { method: 'POST', headers, rejectUnauthorized: false, agent: false } as const;
    const asked = request(`${url}/login`, options, (response) => {
      const { socket } = response;
      const name = socket instanceof TLSSocket ? String(socket.getPeerCertificate().subject.CN) : 'none';
      response.resume().on('end', () => resolve({ name, status: response.statusCode ?? 0, cookies: response.headers['set-cookie'] ?? [] }));
    });
    asked.on('error', reject).end(body);
  });

test.each(['0.0.0.0', '::', '192.0.2.1', 'deploy.example.org'])('on %s nothing is answered without encryption', async (address) => {
  expect(() => checkListening(address, IN_PLAIN)).toThrow(/without TLS.*--tls-cert.*--behind-proxy.*127\.0\.0\.1/);
  expect(() => checkListening(address, { tls: null, behindProxy: ['10.0.0.0/8'] })).not.toThrow();
  expect(() => checkListening(address, { tls: { certificate: 'a', key: 'b' }, behindProxy: [] })).not.toThrow();
  expect(() => checkListening(address, { tls: null, behindProxy: ['10.0.0.0/99'] })).toThrow('not an address or a network');
  await Promise.resolve();
});

test.each(['127.0.0.1', '127.1.2.3', '::1', 'localhost'])('on %s nothing needs to be configured', (address) => {
  expect(() => checkListening(address, IN_PLAIN)).not.toThrow();
});

test('the daemon says so, and ends', async () => {
  const { code, stderr } = await run(LOCKSTEP, ['daemon', '--listen', '0.0.0.0:0'], {
    env: { LOCKSTEP_CONFIG: 'branches.config.json', LOCKSTEP_DATA: join(await directory(), 'data') },
  });
  expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining('without TLS') });
}, 60_000);

test('a certificate that is renewed is used without a restart, and sessions get cookies of one host', async () => {
  const dir = await directory();
  const [first, second] = [makeCertificate(dir, 'first'), makeCertificate(dir, 'second')];
  const tls = { certificate: join(dir, 'cert.pem'), key: join(dir, 'key.pem') };
  const put = async (from: typeof tls): Promise<void> => {
    await copyFile(from.certificate, tls.certificate);
    await copyFile(from.key, tls.key);
  };
  await put(first);
  const options = { listening: { tls, behindProxy: [] }, certificate: await readCertificate(tls), certificateMs: 20 };
  const lab = await startServer(options);
  closing.push(lab.close);
  expect(lab.url).toMatch(/^https:/);
  const headers = { origin: lab.url, 'content-type': 'application/x-www-form-urlencoded' };
  const answer = await nameAt(lab.url, headers);
  expect(answer).toEqual({
    name: 'first',
    status: 303,
    cookies: [expect.stringMatching(/^__Host-lockstep=[A-Za-z0-9_-]{43}; Path=\/; Max-Age=43200; HttpOnly; SameSite=Strict; Secure$/)],
  });
  await copyFile(second.certificate, tls.certificate);
  await until(() => lab.logged.some((line) => line.includes('the older certificate stays')), { what: 'the pair is refused' });
  expect((await nameAt(lab.url, headers)).name).toBe('first');
  await put(second);
  await until(async () => (await nameAt(lab.url, headers)).name === 'second', { what: 'the new certificate is used' });
}, 60_000);

test('behind a proxy, only the proxy is answered, and only it is believed about addresses', async () => {
  const lab = await startServer({ listening: { tls: null, behindProxy: ['127.0.0.1'] } });
  closing.push(lab.close);
  const from = async (forwarded: string): Promise<string | null | undefined> => {
    const headers = { origin: lab.url, 'content-type': 'application/x-www-form-urlencoded', 'x-forwarded-for': forwarded };
    await ask(lab.url, '/login', { method: 'POST', headers, body: `name=&password=${OWNER_TOKEN}` });
    return lab.registry.witnessed.at(-1)?.address;
  };
  expect(await from('203.0.113.9, 198.51.100.7, 127.0.0.1')).toBe('198.51.100.7');
  expect(await from('nonsense')).toBe('127.0.0.1');
  const alone = await startServer();
  closing.push(alone.close);
  const { status } = await ask(alone.url, '/api/v1/clusters', { headers: { ...withToken, 'x-forwarded-for': '203.0.113.9' } });
  expect(status).toBe(200);
  await ask(alone.url, '/login', {
    method: 'POST',
    headers: { origin: alone.url, 'content-type': 'application/x-www-form-urlencoded', 'x-forwarded-for': '203.0.113.9' },
    body: `name=&password=${OWNER_TOKEN}`,
  });
  expect(alone.registry.witnessed.at(-1)?.address).toBe('127.0.0.1');
}, 60_000);
