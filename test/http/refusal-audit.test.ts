// Refused notices are in the audit, and however many there are, the audit stays small.
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import type { Witnessed } from '../../src/core/people.ts';
import { createRefusalAudit } from '../../src/http/refusal-audit.ts';
import type { RefusalAudit } from '../../src/http/refusal-audit.ts';

let told: Witnessed[];
let audit: RefusalAudit;
beforeEach(() => {
  jest.useFakeTimers();
  told = [];
  audit = createRefusalAudit((witnessed) => told.push(witnessed));
});
afterEach(() => {
  audit.close();
  jest.useRealTimers();
});

test('the first one of an address is told at once, those that follow are counted and told once a minute', () => {
  for (let i = 0; i < 5000; i++) audit.note('shop', '192.0.2.7', 'it is not signed with its secret, or too old');
  const one = { what: 'hook-refused', who: 'a hook of shop', address: '192.0.2.7' };
  expect(told).toEqual([{ ...one, detail: 'it is not signed with its secret, or too old' }]);
  jest.advanceTimersByTime(60_000);
  expect(told.slice(1)).toEqual([
    { ...one, detail: '4999 more within a minute, the last one because it is not signed with its secret, or too old' },
  ]);
  jest.advanceTimersByTime(60_000);
  audit.note(null, '192.0.2.7', 'no repository "x" is configured');
  expect(told[2]).toEqual({ what: 'hook-refused', who: 'a hook', address: '192.0.2.7', detail: 'no repository "x" is configured' });
  expect(jest.getTimerCount()).toBe(1);
  jest.advanceTimersByTime(60_000);
  expect(jest.getTimerCount()).toBe(0);
});

test('an hour of notices from a hundred thousand addresses is a few entries a minute, and counts them all', () => {
  const minutes = 60;
  const aMinute = 2000;
  for (let i = 0; i < minutes * aMinute; i++) {
    audit.note('shop', `2001:db8::${i.toString(16)}`, 'no header proves who sent it');
    if (i % aMinute === aMinute - 1) jest.advanceTimersByTime(60_000);
  }
  audit.close();
  expect(told.length).toBeLessThanOrEqual(minutes * 22);
  const counted = told.map(({ detail }) => Number(/^(\d+) more/.exec(detail)?.[1] ?? 1));
  expect(counted.reduce((sum, one) => sum + one, 0)).toBe(minutes * aMinute);
});
