import { describe, expect, test } from '@jest/globals';
import { keyOf, standardProof } from '../../src/forge/standard-webhook.ts';
import { createWitness } from '../../src/forge/witness.ts';

type Notice = { id: string | undefined; timestamp: string | undefined; signature: string | undefined };
const headersOf = ({ id, timestamp, signature }: Notice) => ({
  'webhook-id': id,
  'webhook-timestamp': timestamp,
  'webhook-signature': signature,
});
function verifyStandardWebhook(notice: Notice & { body: Buffer; secrets: readonly string[]; now: number }): boolean {
  const headers = headersOf(notice);
  const witness = createWitness(standardProof(headers), headers, notice.secrets, notice.now);
  for (const byte of notice.body) witness.update(Buffer.of(byte));
  return witness.isAuthentic();
}

// The example of https://github.com/standard-webhooks/standard-webhooks
const SAMPLE = {
  id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
  timestamp: '1614265330',
  signature: 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
  body: Buffer.from('{"test": 2432232314}'),
  secrets: ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'],
  now: 1614265330_000,
};
const OTHER = 'whsec_b3RoZXIgc2VjcmV0IG9mIHRoZSBwb3J0YWwgcmVwb3M=';

describe('the signature of a notice', () => {
  test('of the published example is accepted', () => {
    expect(verifyStandardWebhook(SAMPLE)).toBe(true);
  });

  test('is accepted if one of several signatures fits one of several secrets', () => {
    const signature = `v1,${'A'.repeat(43)}= ${SAMPLE.signature}`;
    expect(verifyStandardWebhook({ ...SAMPLE, signature, secrets: [OTHER, ...SAMPLE.secrets] })).toBe(true);
  });

  test.each([
    ['another body', { body: Buffer.from('{"test": 2432232315}') }],
    ['another id', { id: 'msg_other' }],
    ['another time', { timestamp: '1614265331' }],
    ['another secret', { secrets: [OTHER] }],
    ['no secret', { secrets: [] }],
    ['an empty secret', { secrets: ['whsec_', ''] }],
    ['a short secret', { secrets: ['whsec_c2hvcnQ='] }],
    ['a secret of another form', { secrets: ['MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'] }],
    ['no signature', { signature: undefined }],
    ['an empty signature', { signature: '' }],
    ['a signature of another version', { signature: SAMPLE.signature.replace('v1,', 'v1a,') }],
    ['a truncated signature', { signature: SAMPLE.signature.slice(0, -2) }],
    ['a signature in hexadecimal', { signature: `v1,${Buffer.from(SAMPLE.signature.slice(3), 'base64').toString('hex')}` }],
    ['two headers joined', { signature: `${SAMPLE.signature}, ${SAMPLE.signature}` }],
    ['too many signatures', { signature: Array(9).fill(SAMPLE.signature).join(' ') }],
    ['no id', { id: undefined }],
    ['a wrong kind of time', { timestamp: '1.6e9' }],
    ['multi-byte characters of the same length', { signature: SAMPLE.signature.replace('g0hM', 'é0hM') }],
  ])('is refused with %s', (_what, change) => {
    expect(verifyStandardWebhook({ ...SAMPLE, ...change })).toBe(false);
  });

  test('is worth five minutes, before and after', () => {
    for (const [seconds, accepted] of [
      [299, true],
      [-299, true],
      [301, false],
      [-301, false],
    ] as const) {
      expect(verifyStandardWebhook({ ...SAMPLE, now: SAMPLE.now + seconds * 1000 })).toBe(accepted);
    }
  });

  test('never makes the check throw, whatever is sent', () => {
    for (let i = 0; i < 10_000; i++) {
      const random = (): string => String.fromCodePoint(...Array.from({ length: i % 60 }, (_, k) => (i * 7919 + k * 104729) % 0xd7ff));
      const signature = i % 3 === 0 ? `v1,${random()}` : random();
      expect(verifyStandardWebhook({ ...SAMPLE, signature, secrets: [random(), ...SAMPLE.secrets] })).toBe(false);
    }
    expect(standardProof(headersOf({ id: '__proto__', timestamp: '1', signature: 'v1,' }))).toBeNull();
  });
});

test('a secret of 24 bytes is one, a shorter one is none', () => {
  expect(keyOf('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw')?.length).toBe(24);
  expect(keyOf('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaQ=')).toBeNull();
});
