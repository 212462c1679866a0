// `audit` and `audit verify`: who did what, from where, and whether the record is still as it was written.
import { visibleLine } from '../core/escape.ts';
import type { AuditView } from '../core/audit-text.ts';
import { EXIT, usageFailure } from './failure.ts';
import type { Output } from './output.ts';
import type { Session } from './session.ts';
import { table } from './table.ts';
import type { Cell } from './table.ts';
import { absolute } from './words.ts';

export type AuditOptions = { since: string | undefined; cluster: string | undefined; limit: number; format: 'csv' | 'jsonl' | null };

/** Newest first; `csv` and `jsonl` are everything that fits, oldest first, as the daemon sends it. */
export async function audit({ api, io, output }: Session, { since, cluster, limit, format }: AuditOptions): Promise<number> {
  const filter = { since: since === undefined ? undefined : timeOf(since), cluster };
  if (format !== null) {
    const decoder = new TextDecoder();
    for await (const chunk of await api().exportAudit(filter, format, io.signal))
      await output.write(decoder.decode(chunk, { stream: true }));
    return EXIT.done;
  }
  const document = await api().audit({ ...filter, limit });
  output.result(document, () => lines(document.entries, output));
  return EXIT.done;
}

/** `expect`: `4711:9f86d0…`, an entry that was seen earlier. Exit 1 when something does not fit. */
export async function verifyAudit({ api, output }: Session, expect: string | undefined): Promise<number> {
  const verdict = await api().verifyAudit(expect);
  const { newest, problem, entries } = verdict;
  output.result(verdict, () =>
    problem !== null
      ? [output.palette.bad(`✗ The audit is not as it was written: ${visibleLine(problem)}.`)]
      : [
          output.palette.good(`✓ ${entries} entries, each as it was written.`),
          ...(newest === null ? [] : [`Keep this elsewhere; later: lockstep audit verify --expect ${newest.number}:${newest.hash}`]),
        ],
  );
  return problem === null ? EXIT.done : EXIT.failed;
}

function lines(entries: readonly AuditView[], output: Output): string[] {
  if (entries.length === 0) return ['Nothing is recorded for that.'];
  const columns = [
    { title: 'NO', align: 'right' as const },
    { title: 'TIME' },
    { title: 'WHO', shrink: true },
    { title: 'FROM' },
    { title: 'ACTION' },
    { title: 'CLUSTER', shrink: true },
    { title: 'WHAT', shrink: true },
  ];
  const rows = entries.map((one): Cell[] => [
    String(one.number),
    absolute(one.at),
    one.actor,
    one.address ?? '',
    one.action,
    one.cluster ?? '',
    one.deployment === null ? one.text : `${one.deployment}: ${one.text}`,
  ]);
  return table(columns, rows, output.width(), output.palette.faint);
}

const UNITS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `24h`, `7d`, or a date: as ISO 8601. */
function timeOf(text: string): string {
  const [, number, unit = ''] = /^(\d{1,6})([mhd])$/.exec(text) ?? [];
  const at = number === undefined ? Date.parse(text) : Date.now() - Number(number) * (UNITS[unit] ?? 0);
  if (Number.isNaN(at)) throw usageFailure(`--since ${text} is no time. Write 24h, 7d, or a date such as 2026-11-22`);
  return new Date(at).toISOString();
}
