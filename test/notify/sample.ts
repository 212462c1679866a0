// A notice of a failed deployment whose author means no good, and what is needed to send it.
import { readSecret } from '../../src/files/secrets.ts';
import type { Notice, NoticeTarget } from '../../src/core/notice.ts';
import type { DeliveryTools } from '../../src/notify/deliver.ts';
import { createSend } from '../../src/notify/outgoing.ts';

export const LOOPBACK = ['127.0.0.0/8'];

export function sampleNotice(more: Partial<Notice> = {}): Notice {
  return {
    id: '17-failed',
    state: 'failed',
    at: Date.parse('2026-11-22T08:00:00Z'),
    project: 'shop',
    clusters: ['production'],
    environment: 'production',
    repository: 'shop',
    branch: 'servers/production',
    revision: '1a2b3c4d'.repeat(5),
    previous: '9f8e7d6c'.repeat(5),
    release: 'shop_production_2',
    author: 'Mallory <!channel>',
    message: '<b>& "now"</b> <at user_id="all">[x](http://evil.example)',
    by: 'ann',
    reason: 'upload failed on web3: the disk is full',
    deployment: 42,
    purpose: 'deploy',
    durationMs: 83_000,
    failed: { servers: ['web1', 'web2', 'web3', 'web4', 'web5'], count: 12 },
    isRecovery: false,
    ...more,
  };
}

export const routing = (name: string) =>
  ({ name, clusters: ['*'], states: ['failed', 'succeeded'], template: null, perMinute: 600, digestMs: 0 }) satisfies Partial<NoticeTarget>;

/** References to secrets are variables of this process's environment. */
export function inEnvironment(name: string, value: string): { environment: string } {
  process.env[name] = value;
  return { environment: name };
}

export function deliveryTools(more: Partial<DeliveryTools> = {}): DeliveryTools {
  return {
    send: createSend(() => LOOPBACK),
    readSecret,
    allow: () => LOOPBACK,
    now: Date.now,
    links: { deployment: (number) => `https://deploy.example.org/deployments/${number}`, compare: () => null },
    ...more,
  };
}
