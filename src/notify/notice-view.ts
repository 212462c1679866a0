// How a notice is shown to the operator, and one that says nothing, for trying a target out.
import type { Notice } from '../core/notice.ts';
import { ABOUT_NOTHING } from '../core/notices-of.ts';
import type { Parcel } from '../core/outbox.ts';
import type { UndeliveredView } from '../core/views.ts';
import { headline } from './text.ts';

export function noticeView({ id, target, notice, createdAt, attempts, nextAt, isDead, error }: Parcel): UndeliveredView {
  return {
    id,
    target,
    state: notice.state,
    summary: headline(notice),
    createdAt: new Date(createdAt).toISOString(),
    attempts,
    nextAt: isDead ? null : new Date(nextAt).toISOString(),
    error,
  };
}

export const isoOf = (at: number | null): string | null => (at === null ? null : new Date(at).toISOString());

export function testNotice(project: string, now: number): Notice {
  return {
    id: `test-${now}`,
    state: 'succeeded',
    at: now,
    project,
    clusters: ['test'],
    ...ABOUT_NOTHING,
    message: 'This is a test of Lockstep. Nothing was deployed.',
    reason: 'test',
  };
}
