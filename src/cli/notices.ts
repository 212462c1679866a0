// `notices`: who is told of deployments outside, and what did not arrive; `notices retry ID`, `notices test TARGET`.
import { visible } from '../core/escape.ts';
import type { NoticesView } from '../core/views.ts';
import { EXIT } from './failure.ts';
import type { Output } from './output.ts';
import type { Session } from './session.ts';
import { table } from './table.ts';
import type { Cell } from './table.ts';
import { ago } from './words.ts';

export async function notices({ api, output }: Session, limit: number): Promise<number> {
  const all = await api().notices();
  const answer = { ...all, notices: all.notices.slice(0, limit) };
  output.result(answer, () => lines(answer, output));
  return EXIT.done;
}

export async function retryNotice({ api, output }: Session, id: number): Promise<number> {
  const accepted = await api().retryNotice(id);
  output.result(accepted, () => [visible(accepted.message)]);
  return EXIT.done;
}

/** Exit 1 with the reason when it was not taken. */
export async function testNotice({ api, output }: Session, target: string): Promise<number> {
  const accepted = await api().testNotice(target);
  output.result(accepted, () => [visible(accepted.message)]);
  return EXIT.done;
}

function lines({ targets, notices: undelivered }: NoticesView, output: Output): string[] {
  if (targets.length === 0 && undelivered.length === 0) return ['Nobody is told of deployments. See "notices" in docs/notices.md.'];
  const columns = [
    { title: 'TARGET' },
    { title: 'KIND' },
    { title: 'WAITING' },
    { title: 'GIVEN UP' },
    { title: 'LAST' },
    { title: 'PROBLEM', shrink: true },
  ];
  const rows = targets.map((one): Cell[] => [
    one.name,
    one.kind,
    String(one.waiting),
    String(one.dead),
    one.deliveredAt === null ? '' : ago(one.deliveredAt),
    one.problem ?? '',
  ]);
  const told = table(columns, rows, output.width(), output.palette.faint);
  if (undelivered.length === 0) return told;
  const heads = [
    { title: 'ID' },
    { title: 'SINCE' },
    { title: 'TARGET' },
    { title: 'NOTICE', shrink: true },
    { title: 'TRIED' },
    { title: 'STATE' },
    { title: 'ERROR', shrink: true },
  ];
  const kept = undelivered.map((one): Cell[] => [
    String(one.id),
    ago(one.createdAt),
    one.target,
    one.summary,
    String(one.attempts),
    one.nextAt === null ? 'given up' : 'waits',
    one.error ?? '',
  ]);
  const more = undelivered.some(({ nextAt }) => nextAt === null) ? ['', 'Send one again: lockstep notices retry ID'] : [];
  return [...told, '', ...table(heads, kept, output.width(), output.palette.faint), ...more];
}
