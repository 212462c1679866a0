// Commands about who did what.
import { Option } from 'commander';
import type { Command } from 'commander';
import { audit, verifyAudit } from '../audit.ts';
import { wholeNumber } from './options.ts';
import type { Does } from './definition.ts';

type AuditOptions = { since?: string; cluster?: string; limit?: number; csv?: boolean; jsonl?: boolean };

export function auditCommands(program: Command, does: Does): void {
  const record = program
    .command('audit')
    .description('who did what, from where, and what was refused, newest first')
    .option('--since <time>', 'from then on: 24h, 7d, or a date such as 2026-11-22')
    .option('--cluster <name>', 'of this cluster only')
    .option('--limit <n>', 'how many', wholeNumber, 50)
    .addOption(new Option('--csv', 'everything that fits as CSV, oldest first').conflicts('jsonl'))
    .option('--jsonl', 'everything that fits as one JSON document per line, oldest first');
  does(record, (session, _, { since, cluster, limit = 50, csv, jsonl }: AuditOptions) =>
    audit(session, { since, cluster, limit, format: csv === true ? 'csv' : jsonl === true ? 'jsonl' : null }),
  );
  does(
    record
      .command('verify')
      .description('is every entry as it was written? exit 1 if not')
      .option('--expect <entry>', 'number and hash of an entry that was kept elsewhere: 4711:9f86d0…'),
    (session, _, { expect }: { expect?: string }) => verifyAudit(session, expect),
  );
}
