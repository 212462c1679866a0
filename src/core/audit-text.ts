// The audit as it leaves the daemon: as JSON, and as lines of CSV that no spreadsheet takes for formulas.
import { visibleJson, visibleLine } from './escape.ts';
import type { AuditEntry } from './audit.ts';

/** `at` in ISO 8601. */
export type AuditView = Omit<AuditEntry, 'at'> & { readonly at: string };

export function auditView(entry: AuditEntry): AuditView {
  return { ...entry, at: new Date(entry.at).toISOString() };
}

const COLUMNS = ['number', 'at', 'actor', 'kind', 'address', 'action', 'cluster', 'deployment', 'text', 'hash'] as const;

export const auditCsvHeader = `${COLUMNS.join(',')}\r\n`;

/** With what a terminal could take for a command escaped, as in all that is printed. */
export const auditJsonLine = (view: AuditView): string => `${visibleJson(view, 0)}\n`;

/** RFC 4180. */
export function auditCsvLine(view: AuditView): string {
  return `${COLUMNS.map((column) => cell(view[column])).join(',')}\r\n`;
}

/**
 * A text that begins like a formula gets an apostrophe before it, which spreadsheets read as "this is text"
 * (https://owasp.org/www-community/attacks/CSV_Injection).
 */
function cell(value: string | number | null): string {
  if (typeof value === 'number') return String(value);
  const text = visibleLine(value ?? '');
  const guarded = /^\s*[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return `"${guarded.replaceAll('"', '""')}"`;
}
