// The audit on the disk: whoever changes it is found out.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { auditCsvLine, auditView } from '../../src/core/audit-text.ts';
import type { AuditEntry, TimedNote } from '../../src/core/audit.ts';
import { openStore } from '../../src/store/sqlite.ts';
import { emptyBatch, removeTemporaryDirectories, temporaryDirectory } from './lab.ts';

const note = (i: number): TimedNote => ({
  actor: `person${i}`,
  kind: 'user',
  address: '192.0.2.7',
  action: 'lock',
  cluster: i % 2 === 0 ? 'demo' : null,
  deployment: null,
  text: `demo locked by person${i}: moving house`,
  at: 1_700_000_000_000 + i,
});

describe('the audit', () => {
  let original = '';
  let entries: readonly AuditEntry[] = [];

  /** A copy of the store, changed by somebody who knows SQL; what the verification says of it. */
  async function verdictAfter(sql: string, expected: AuditEntry | null = null): Promise<string | null> {
    const copy = await temporaryDirectory();
    await cp(original, copy, { recursive: true });
    const database = new Database(join(copy, 'lockstep.db'));
    for (const { name } of database.prepare<[], { name: string }>("SELECT name FROM sqlite_schema WHERE type = 'trigger'").all()) {
      database.exec(`DROP TRIGGER ${name}`);
    }
    database.exec(sql);
    database.close();
    return problemIn(copy, expected);
  }

  async function problemIn(directory: string, expected: AuditEntry | null = null): Promise<string | null> {
    const store = await openStore(directory);
    try {
      return (await store.verifyAudit(expected)).problem;
    } finally {
      await store.close();
    }
  }

  beforeAll(async () => {
    original = await temporaryDirectory();
    const store = await openStore(original);
    for (let i = 1; i <= 10; i += 2) await store.append({ ...emptyBatch, audit: [note(i), note(i + 1)] });
    entries = await store.audit({ order: 'oldest', limit: 100 });
    await store.close();
  });

  afterAll(removeTemporaryDirectories);

  test('is as it was written, also after a new start', async () => {
    expect(entries.map(({ number, hash, ...rest }) => ({ number, isHash: hash.length === 64, rest }))).toEqual(
      Array.from({ length: 10 }, (_, i) => ({ number: i + 1, isHash: true, rest: note(i + 1) })),
    );
    expect(await problemIn(original)).toBeNull();
    expect(await problemIn(original, entries[4])).toBeNull();
  });

  test('gives what belongs to a cluster or a time, newest or oldest first', async () => {
    const store = await openStore(original);
    const newest = await store.audit({ cluster: 'demo', order: 'newest', limit: 2 });
    const later = await store.audit({ since: 1_700_000_000_009, order: 'oldest', limit: 100 });
    await store.close();
    expect(newest.map(({ number }) => number)).toEqual([10, 8]);
    expect(later.map(({ number }) => number)).toEqual([9, 10]);
  });

  test('cannot be changed, removed or inserted through the store’s own connection', () => {
    const database = new Database(join(original, 'lockstep.db'));
    const values = "(99, 1, NULL, '{}', '')";
    for (const sql of [
      "UPDATE audit SET body = '{}'",
      'DELETE FROM audit',
      `INSERT INTO audit VALUES ${values}`,
      'UPDATE audit_end SET number = 3',
    ]) {
      expect(() => database.exec(sql)).toThrow(/append-only|no gaps/);
    }
    database.close();
  });

  test('shows every row that was changed, removed, inserted or cut off', async () => {
    expect(await verdictAfter("UPDATE audit SET body = replace(body, 'person3', 'person4') WHERE number = 3")).toMatch(
      /^entry 3 was changed/,
    );
    expect(await verdictAfter("UPDATE audit SET cluster = 'other' WHERE number = 4")).toMatch(/^entry 4 was changed: its columns/);
    expect(await verdictAfter('UPDATE audit SET at = at + 1 WHERE number = 4')).toMatch(/^entry 4 was changed: its columns/);
    expect(await verdictAfter('DELETE FROM audit WHERE number = 5')).toBe('entry 5 is missing');
    expect(await verdictAfter('DELETE FROM audit WHERE number = 1')).toBe('entry 1 is missing');
    expect(await verdictAfter('DELETE FROM audit WHERE number = 10')).toMatch(
      /the end was cut off or added to: there are 9 entries, and 10/,
    );
    expect(await verdictAfter('INSERT INTO audit SELECT 11, at, cluster, body, hash FROM audit WHERE number = 10')).toMatch(/^entry 11/);
    expect(await verdictAfter('DELETE FROM audit WHERE number = 5; UPDATE audit SET number = number - 1 WHERE number > 5')).toMatch(
      /^entry 5/,
    );
  });

  test('shows an end that was cut off together with the mark of the end to who kept the newest hash elsewhere', async () => {
    const cut = `DELETE FROM audit WHERE number > 8; UPDATE audit_end SET number = 8, hash = '${entries[7]?.hash ?? ''}'`;
    expect(await verdictAfter(cut)).toBeNull();
    expect(await verdictAfter(cut, entries[9])).toBe('the end was cut off: entry 10, which was expected, is not there');
  });

  test('shows any changed byte of what it keeps, wherever it stands in the file', async () => {
    const bytes = await readFile(join(original, 'lockstep.db'));
    const at = entries.flatMap(({ hash, text }) => [bytes.indexOf(hash), bytes.indexOf(text)]);
    expect(at.every((place) => place > 0)).toBe(true);
    for (const place of at) {
      const copy = await temporaryDirectory();
      await cp(original, copy, { recursive: true });
      const changed = Buffer.from(bytes);
      changed.writeUInt8(changed.readUInt8(place + 5) ^ 1, place + 5);
      await writeFile(join(copy, 'lockstep.db'), changed);
      expect(await problemIn(copy)).toMatch(/^entry \d+ was changed|^the end was cut off or added to/);
    }
  });

  test('leaves as CSV that no spreadsheet takes for a formula, and no terminal for a command', () => {
    const view = auditView({ ...note(1), number: 1, hash: 'f', actor: '=HYPERLINK("http://evil")', text: ' @SUM(1)\u001b[2J, "x"\r\n' });
    expect(auditCsvLine(view)).toBe(
      `1,"2023-11-14T22:13:20.001Z","'=HYPERLINK(""http://evil"")","user","192.0.2.7","lock","","","' @SUM(1)\\x1b[2J, ""x""\\x0d\\n","f"\r\n`,
    );
  });
});
