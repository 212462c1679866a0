import { describe, expect, test } from '@jest/globals';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { parse } from 'jsonc-parser';
import { fromJSONSchema } from 'zod';
import { referenceText, schemaText } from '../../src/config/reference.ts';
import { minimal, withCluster } from './workspace.ts';

type Schema = {
  type?: string;
  additionalProperties?: unknown;
  patternProperties?: unknown;
  properties?: Record<string, Schema>;
  anyOf?: Schema[];
  items?: Schema;
};

const schema = JSON.parse(schemaText()) as Schema;

/** All schemas of objects with fixed keys. */
function fixedObjects(one: Schema): Schema[] {
  const inner = [...Object.values(one.properties ?? {}), ...(one.anyOf ?? []), ...(one.items ? [one.items] : [])];
  if (typeof one.additionalProperties === 'object') inner.push(one.additionalProperties as Schema);
  return [...(one.properties === undefined ? [] : [one]), ...inner.flatMap(fixedObjects)];
}

describe('the published schema', () => {
  test('and the reference are what the code validates by', async () => {
    await expect(promisify(execFile)('scripts/generate', ['--check'])).resolves.toMatchObject({ stderr: '' });
  });

  test('accepts the example and refuses unknown keys and wrong values', async () => {
    const validator = fromJSONSchema(schema as Parameters<typeof fromJSONSchema>[0]);
    const accepts = (value: unknown): boolean => validator.safeParse(value).success;
    const example: unknown = parse(await readFile('branches.config.json', 'utf8'));
    expect(accepts(example)).toBe(true);
    expect(accepts(minimal())).toBe(true);
    expect(accepts(minimal({ 'x-note': 1 }))).toBe(true);
    expect(accepts(minimal({ clusterz: {} }))).toBe(false);
    expect(accepts(withCluster({ concurency: 1 }))).toBe(false);
    expect(accepts(withCluster({ keep: 'five' }))).toBe(false);
    expect(accepts(withCluster({ maintenance: { lockTimeout: '120' } }))).toBe(false);
    expect(accepts({ project: 'shop' })).toBe(false);
  });

  test('closes every object with fixed keys except for x- keys', () => {
    const objects = fixedObjects(schema);
    expect(objects.length).toBeGreaterThan(12);
    for (const one of objects) {
      expect(one.additionalProperties).toBe(false);
      expect(one.patternProperties).toEqual({ '^x-': {} });
    }
  });
});

test('the reference has a line for every key, with type, default and meaning', () => {
  const text = referenceText();
  for (const key of [
    'project',
    'repositories.<name>.url',
    'branches[].build.cache',
    'clusters.<name>.servers[].port',
    'clusters.<name>.maintenance.lockTimeout',
  ]) {
    expect(text).toContain(`\n| \`${key}\` | `);
  }
  const rows = text.split('\n').filter((line) => line.startsWith('| `'));
  for (const row of rows)
    expect(
      row
        .replaceAll('\\|', '')
        .split('|')
        .map((cell) => cell.trim())
        .slice(1, 5),
    ).not.toContain('');
});
