// /api/v1/audit: who did what, as a page, as an export of everything, and whether it is still as it was written.
import type { Request, Response } from 'express';
import { auditCsvHeader, auditCsvLine, auditJsonLine, auditView } from '../core/audit-text.ts';
import type { AuditMark, AuditQuery } from '../core/audit.ts';
import { writeAndWait } from './connection.ts';
import { Malformed, queryNumber, queryValue } from './route.ts';
import type { Context, Route } from './route.ts';
import { openStream } from './stream.ts';

const USUAL_PAGE = 50;
const LARGEST_PAGE = 1000;
/** Who takes nothing for so long gets no more. */
const PATIENCE_MS = 60_000;

export const auditRoutes: readonly Route[] = [
  { method: 'get', path: '/api/v1/audit', door: 'token', needs: 'operator', on: 'all', handle: show },
  { method: 'get', path: '/api/v1/audit/verify', door: 'token', needs: 'operator', on: 'all', handle: verify },
];

/** `format=jsonl` and `csv` are everything that fits, oldest first; without it, a page, newest first. */
async function show(context: Context, request: Request, response: Response): Promise<void> {
  const cluster = queryValue(request, 'cluster');
  const since = timeIn(request, 'since');
  const filter = { ...(cluster === undefined ? {} : { cluster }), ...(since === undefined ? {} : { since }) };
  const format = queryValue(request, 'format') ?? 'json';
  if (format === 'jsonl' || format === 'csv') return exportAll(context, request, response, filter, format);
  if (format !== 'json') throw new Malformed('format: must be json, jsonl or csv');
  const before = queryNumber(request, 'before', 1);
  const limit = Math.min(queryNumber(request, 'limit', 1) ?? USUAL_PAGE, LARGEST_PAGE);
  const query: AuditQuery = { ...filter, ...(before === undefined ? {} : { before }), order: 'newest', limit };
  response.json({ entries: (await context.application.audit(query)).map(auditView) });
}

async function exportAll(
  context: Context,
  request: Request,
  response: Response,
  filter: Pick<AuditQuery, 'cluster' | 'since'>,
  format: 'jsonl' | 'csv',
): Promise<void> {
  response.set('Content-Disposition', `attachment; filename="audit.${format}"`);
  const stream = openStream(context, request, response, `${format === 'csv' ? 'text/csv' : 'application/x-ndjson'}; charset=utf-8`);
  if (stream === null) return;
  const write = (text: string): Promise<boolean> => writeAndWait(response, text, PATIENCE_MS, stream.signal);
  let isTaken = format !== 'csv' || (await write(auditCsvHeader));
  for (let after = 0; isTaken;) {
    const page = await context.application.audit({ ...filter, after, order: 'oldest', limit: LARGEST_PAGE });
    isTaken = await write(page.map((entry) => (format === 'csv' ? auditCsvLine : auditJsonLine)(auditView(entry))).join(''));
    after = page.at(-1)?.number ?? after;
    if (page.length < LARGEST_PAGE) break;
  }
  stream.end();
}

async function verify({ application }: Context, request: Request, response: Response): Promise<void> {
  response.json(await application.verifyAudit(markIn(request)));
}

/** `expect=4711:9f86d0…` */
function markIn(request: Request): AuditMark | null {
  const text = queryValue(request, 'expect');
  if (text === undefined) return null;
  const [, number, hash] = /^([1-9]\d{0,14}):([0-9a-f]{64})$/.exec(text) ?? [];
  if (number === undefined || hash === undefined) throw new Malformed('expect: must be the number of an entry, a colon, and its hash');
  return { number: Number(number), hash };
}

function timeIn(request: Request, name: string): number | undefined {
  const text = queryValue(request, name);
  if (text === undefined) return undefined;
  const at = Date.parse(text);
  if (Number.isNaN(at)) throw new Malformed(`${name}: must be a time such as 2026-11-22T10:00:00Z`);
  return at;
}
