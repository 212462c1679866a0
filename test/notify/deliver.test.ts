import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { createHmac } from 'node:crypto';
import type { NoticeTarget } from '../../src/core/notice.ts';
import { deliver } from '../../src/notify/deliver.ts';
import { dingtalkSign } from '../../src/notify/chat/dingtalk.ts';
import { feishuSign } from '../../src/notify/chat/feishu.ts';
import { signedHeaders } from '../../src/notify/signature.ts';
import { startRecorder } from '../lab/recorder.ts';
import type { Recorder } from '../lab/recorder.ts';
import { startSmtp } from '../lab/smtp.ts';
import { deliveryTools, inEnvironment, routing, sampleNotice } from './sample.ts';

const SECRET = 'SEC0123456789abcdef';
const now = Date.parse('2026-11-22T08:00:05.250Z');
let recorder: Recorder;
beforeAll(async () => {
  recorder = await startRecorder();
});
beforeEach(() => {
  recorder.told.splice(0);
});
afterAll(() => recorder.stop());

const signal = AbortSignal.timeout(60_000);
const urlAt = (path: string) => inEnvironment('TEST_NOTICE_URL', `${recorder.url}${path}`);

async function told(target: NoticeTarget, body: string, notices = [sampleNotice()]) {
  recorder.answer(() => ({ body }));
  await deliver(target, notices, deliveryTools({ now: () => now }), signal);
  const [request] = recorder.told;
  if (request === undefined) throw new Error('nobody was asked');
  return request;
}

describe('a notice says what happened, and what a stranger wrote into it has no power', () => {
  const FIRST = 'production: FAILED (deployment 42) servers/production 9f8e7d6c → 1a2b3c4d by ';

  test('in Slack', async () => {
    const { path, json } = await told({ ...routing('team'), kind: 'slack', url: urlAt('/services/T0/B0/x') }, 'ok');
    expect(path).toBe('/services/T0/B0/x');
    expect(String(json['text']).split('\n')).toEqual([
      `${FIRST}Mallory &lt;!channel&gt; in 1 min 23 s`,
      '&lt;b&gt;&amp; "now"&lt;/b&gt; &lt;at user_id="all"&gt;[x](http://evil.example)',
      'upload failed on web3: the disk is full',
      'Servers: web1, web2, web3, web4, web5 and 7 more',
      'https://deploy.example.org/deployments/42',
    ]);
  });

  test('in Teams, as an Adaptive Card without links of others', async () => {
    const { json } = await told({ ...routing('team'), kind: 'teams', url: urlAt('/workflow?sig=1') }, '');
    const { attachments } = json as { attachments: { contentType: string; content: { type: string; body: { text: string }[] } }[] };
    expect(attachments[0]?.contentType).toBe('application/vnd.microsoft.card.adaptive');
    const lines = attachments[0]?.content.body.map(({ text }) => text) ?? [];
    expect(lines[1]).toContain('\\[x\\]\\(http://evil.example\\)');
    expect(lines.at(-1)).toBe('https://deploy.example.org/deployments/42');
  });

  test('in Telegram, as HTML', async () => {
    const target = {
      ...routing('team'),
      kind: 'telegram',
      token: inEnvironment('TEST_TOKEN', '12:ab_C'),
      chat: '-100',
      api: recorder.url,
    } as const;
    const { path, json } = await told(target, '{"ok":true}');
    expect(path).toBe('/bot12:ab_C/sendMessage');
    expect(json).toMatchObject({ chat_id: '-100', parse_mode: 'HTML' });
    expect(String(json['text'])).toContain('&lt;b&gt;&amp; &quot;now&quot;&lt;/b&gt;');
  });

  test('in DingTalk, signed in its URL', async () => {
    const target = {
      ...routing('team'),
      kind: 'dingtalk',
      url: urlAt('/robot/send?access_token=t'),
      secret: inEnvironment('TEST_SECRET', SECRET),
    } as const;
    const { path, json } = await told(target, '{"errcode":0,"errmsg":"ok"}');
    const query = new URL(path, recorder.url).searchParams;
    expect(query.get('access_token')).toBe('t');
    expect(query.get('timestamp')).toBe(String(now));
    expect(query.get('sign')).toBe(createHmac('sha256', SECRET).update(`${now}\n${SECRET}`).digest('base64'));
    expect(path).not.toMatch(/sign=[^&]*[+/=]/);
    expect(json).toMatchObject({ msgtype: 'text', text: { content: expect.stringContaining(FIRST) } });
  });

  test('in Feishu, signed in its body, and calls nobody', async () => {
    const target = {
      ...routing('team'),
      kind: 'feishu',
      url: urlAt('/open-apis/bot/v2/hook/x'),
      secret: inEnvironment('TEST_SECRET', SECRET),
    } as const;
    const { json } = await told(target, '{"code":0,"msg":"success","data":{}}');
    const seconds = Math.floor(now / 1000);
    expect(json).toMatchObject({
      msg_type: 'text',
      timestamp: String(seconds),
      sign: createHmac('sha256', `${seconds}\n${SECRET}`).digest('base64'),
    });
    expect((json['content'] as { text: string }).text).not.toContain('<');
  });

  test('in WeCom, whatever its length, in 2048 bytes', async () => {
    const notices = Array.from({ length: 30 }, (_, i) => sampleNotice({ id: `${i}-failed`, message: '提交'.repeat(100) }));
    const { json } = await told({ ...routing('team'), kind: 'wecom', url: urlAt('/cgi-bin/webhook/send?key=k') }, '{"errcode":0}', notices);
    const { content } = json['text'] as { content: string };
    expect(Buffer.byteLength(content)).toBeLessThanOrEqual(2048);
    expect(content).toMatch(/^production: FAILED/);
    expect(content).not.toContain('\ufffd');
  });

  test('in the words of a template', async () => {
    const template = '*{cluster}* {state} {nobody} <{link}|open>\n{message}';
    const { json } = await told({ ...routing('team'), kind: 'slack', url: urlAt('/x'), template }, 'ok');
    expect(json['text']).toBe(
      '*production* FAILED {nobody} <https://deploy.example.org/deployments/42|open>\n&lt;b&gt;&amp; "now"&lt;/b&gt; &lt;at user_id="all"&gt;[x](http://evil.example)',
    );
  });

  test('in an e-mail, as text and as HTML', async () => {
    const smtp = await startSmtp();
    const target = {
      kind: 'email',
      server: `smtp://127.0.0.1:${smtp.port}`,
      user: null,
      password: null,
      from: 'Lockstep <deploy@example.org>',
      to: ['a@example.org', 'b@example.org'],
    } as const;
    await deliver({ ...routing('ops'), ...target }, [sampleNotice(), sampleNotice({ id: '18-failed' })], deliveryTools(), signal);
    const [letter] = smtp.letters;
    await smtp.stop();
    expect(letter?.to).toEqual(['<a@example.org>', '<b@example.org>']);
    const text = letter?.data.replaceAll('=\n', '') ?? '';
    expect(text).toMatch(/^Subject: \[shop\] production: FAILED \(deployment 42\) and 1 more$/m);
    expect(text).toMatch(/^Message-ID: <[0-9a-f]{40}@lockstep\.invalid>$/m);
    expect(text).toContain('Content-Type: text/html');
    expect(text).toContain('&lt;b&gt;&amp; &quot;now&quot;');
  });
});

describe('a webhook', () => {
  const KEY = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';

  test('is signed as Standard Webhooks says', () => {
    const headers = signedHeaders('{"test": 2432232314}', KEY, 'msg_p5jXN8AQM9LWM0D4loKWxJek', 1614265330_000);
    expect(headers).toEqual({
      'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      'webhook-timestamp': '1614265330',
      'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    });
    expect(() => signedHeaders('x', 'whsec_c2hvcnQ=', 'id', 0)).toThrow('at least 24 bytes');
  });

  test('brings each notice whole, under the id that it always has', async () => {
    const target = {
      ...routing('bus'),
      kind: 'webhook',
      url: urlAt('/in'),
      secret: inEnvironment('TEST_SECRET', KEY),
      format: 'lockstep',
    } as const;
    const { headers, body, json } = await told(target, '');
    expect(json).toMatchObject({ type: 'lockstep.failed', data: { deployment: 42, clusters: ['production'], failed: { count: 12 } } });
    expect(headers).toMatchObject(signedHeaders(body, KEY, 'shop_17-failed', now));
  });

  test('can be a CDEvent in a CloudEvent', async () => {
    const target = { ...routing('bus'), kind: 'webhook', url: urlAt('/in'), secret: null, format: 'cdevents' } as const;
    const { headers, json } = await told(target, '', [sampleNotice({ state: 'succeeded' })]);
    expect(headers['content-type']).toBe('application/cloudevents+json');
    expect(headers['webhook-signature']).toBeUndefined();
    expect(json).toMatchObject({
      specversion: '1.0',
      type: 'dev.cdevents.service.deployed.0.2.0',
      data: {
        context: { version: '0.4.1', type: 'dev.cdevents.service.deployed.0.2.0', timestamp: '2026-11-22T08:00:00.000Z' },
        subject: {
          id: 'shop/production',
          type: 'service',
          content: { environment: { id: 'production' }, artifactId: `pkg:generic/shop@${'1a2b3c4d'.repeat(5)}` },
        },
      },
    });
  });
});

describe('an answer', () => {
  const slack = () => ({ ...routing('team'), kind: 'slack', url: urlAt('/secret-path') }) as const;
  const failure = async (reply: { status?: number; headers?: Record<string, string>; body?: string }, target: NoticeTarget = slack()) => {
    recorder.answer(() => reply);
    return deliver(target, [sampleNotice()], deliveryTools(), signal).then(
      () => null,
      (error: unknown) => error as { message: string; isFinal: boolean; retryAfterMs: number | null },
    );
  };

  test('of 4xx is final, of 429 and 5xx is not, and none of them shows the URL', async () => {
    expect(await failure({ status: 404, body: 'no_service' })).toMatchObject({
      message: `127.0.0.1:${recorder.port} answered 404`,
      isFinal: true,
    });
    expect(await failure({ status: 503 })).toMatchObject({ isFinal: false, retryAfterMs: null });
    expect(await failure({ status: 429, headers: { 'retry-after': '30' } })).toMatchObject({ isFinal: false, retryAfterMs: 30_000 });
    for (const status of [301, 302, 307, 308]) {
      expect(await failure({ status, headers: { location: `${recorder.url}/elsewhere` } })).toMatchObject({
        message: expect.stringContaining('redirects are not followed'),
      });
    }
    expect(recorder.told.some(({ path }) => path === '/elsewhere')).toBe(false);
  });

  test('of a robot with status 200 may still be a no', async () => {
    const url = urlAt('/x');
    const dingtalk = { ...routing('team'), kind: 'dingtalk', url, secret: null } as const;
    expect(await failure({ body: '{"errcode":130101,"errmsg":"send too fast"}' }, dingtalk)).toMatchObject({
      isFinal: false,
      retryAfterMs: 600_000,
    });
    expect(await failure({ body: '{"errcode":310000,"errmsg":"sign not match"}' }, dingtalk)).toMatchObject({ isFinal: true });
    expect(await failure({ body: '{"code":19021}' }, { ...routing('team'), kind: 'feishu', url, secret: null })).toMatchObject({
      isFinal: true,
    });
    expect(await failure({ body: '{"errcode":45009}' }, { ...routing('team'), kind: 'wecom', url })).toMatchObject({ isFinal: false });
    const telegram = {
      ...routing('team'),
      kind: 'telegram',
      token: inEnvironment('TEST_TOKEN', '1:a'),
      chat: '1',
      api: recorder.url,
    } as const;
    expect(await failure({ status: 429, body: '{"ok":false,"parameters":{"retry_after":7}}' }, telegram)).toMatchObject({
      retryAfterMs: 7000,
    });
  });

  test('of a mail server: 5yz is final, 4yz is not', async () => {
    for (const [answer, isFinal] of [
      ['550 no such user', true],
      ['451 later', false],
    ] as const) {
      const smtp = await startSmtp(() => answer);
      const target = {
        kind: 'email',
        server: `smtp://127.0.0.1:${smtp.port}`,
        user: null,
        password: null,
        from: 'a@example.org',
        to: ['b@example.org'],
      } as const;
      await expect(deliver({ ...routing('ops'), ...target }, [sampleNotice()], deliveryTools(), signal)).rejects.toMatchObject({ isFinal });
      await smtp.stop();
    }
  });
});

test('signatures of robots are what openssl makes of the same bytes', () => {
  // printf '1600000000000\\nSEC1' | openssl dgst -sha256 -hmac SEC1 -binary | base64
  expect(dingtalkSign('SEC1', 1600000000000)).toBe('251ymK1DMiOoZfQVOB8rUvdQVSxdr7zMtavd+PlY6Ew=');
  // printf '' | openssl dgst -sha256 -mac HMAC -macopt hexkey:(hex of '1600000000\\nSEC1') -binary | base64
  expect(feishuSign('SEC1', 1600000000)).toBe('GlNMwbDpZSflJdXsx3RbcRgWYzASQ6K7L6u042R2IM0=');
});
