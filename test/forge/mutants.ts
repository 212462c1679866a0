// Deliveries that nobody sends on purpose: fixtures, changed by a seeded hand in their structure and in their bytes.
import { FORGES } from '../../src/core/forge.ts';
import type { Forge } from '../../src/core/forge.ts';
import { allFixtures } from './deliveries.ts';
import type { Fixture } from './deliveries.ts';

export type Mutant = { readonly forge: Forge; readonly headers: Record<string, string>; readonly body: Buffer };

/** The same seed gives the same mutants. Constants of Numerical Recipes. */
export function* mutants(seed: number, count: number): Generator<Mutant> {
  let state = seed;
  const random = (below: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const pick = <T>(list: readonly T[]): T => list[random(list.length)] as T;
  const fixtures = allFixtures();
  for (let i = 0; i < count; i++) {
    const one = fixtures[i % fixtures.length] as Fixture;
    const payload: unknown = i % 3 === 0 ? one.payload : bent(copy(one.payload), random, pick);
    let text = JSON.stringify(payload);
    const headers = { ...one.headers };
    if (random(6) === 0) {
      headers['content-type'] = pick(['application/x-www-form-urlencoded', 'text/plain', '', 'application/json; charset=utf-16']);
      if (random(2) === 0) text = new URLSearchParams({ [pick(['payload', 'hook', 'x'])]: text }).toString();
    }
    if (random(6) === 0) {
      const name = pick(Object.keys(headers));
      headers[name] = pick([
        '',
        'push',
        'ping',
        'x'.repeat(300),
        '__proto__',
        'constructor',
        `${headers[name]}, ${headers[name]}`,
        '\u00e9',
      ]);
    }
    const body = i % 3 === 1 && random(2) === 0 ? Buffer.from(text) : scratched(Buffer.from(text), random, pick);
    yield { forge: random(20) === 0 ? pick(FORGES) : one.forge, headers, body };
  }
}

type Random = (below: number) => number;
type Pick = <T>(list: readonly T[]) => T;

const STRANGE: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  1e308,
  '',
  ' ',
  'refs/heads/',
  'refs/heads/servers/production',
  'refs/tags/',
  'constructor',
  '__proto__',
  '\u0000',
  '\ud800',
  'x'.repeat(5000),
  '0'.repeat(40),
  [],
  {},
  [null],
  [[[[]]]],
  { length: -1 },
  { toString: null, __proto__x: 1 },
  [{ ref: null }, { name: 5 }],
];

/** Replaces, removes, doubles or moves some values. */
function bent(root: unknown, random: Random, pick: Pick): unknown {
  if (random(50) === 0) return pick(STRANGE);
  for (let n = random(3); n >= 0; n--) {
    const { holder, key } = somewhere(root, random);
    if (key === undefined) return pick(STRANGE);
    switch (random(5)) {
      case 0:
        Reflect.deleteProperty(holder, key);
        break;
      case 1:
        holder[key] = [holder[key], holder[key]];
        break;
      case 2:
        holder[key] = copy(somewhere(root, random).holder);
        break;
      default:
        holder[key] = copy(pick(STRANGE));
    }
  }
  return root;
}

/** A place in the tree, reached by a random walk. */
function somewhere(root: unknown, random: Random): { holder: Record<string, unknown>; key: string | undefined } {
  let holder = root as Record<string, unknown>;
  for (;;) {
    const keys = Object.keys(holder);
    const key = keys[random(keys.length)];
    const member = key === undefined ? null : holder[key];
    if (typeof member !== 'object' || member === null || Object.keys(member).length === 0 || random(3) === 0) return { holder, key };
    holder = member as Record<string, unknown>;
  }
}

const copy = (value: unknown): unknown => JSON.parse(JSON.stringify(value)) as unknown;

const PIECES = [
  '"',
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  'null',
  '1e999',
  '\\u0000',
  '\\ud800',
  '"__proto__":',
  '\xff',
  '\xc3',
  '-',
  '"ref":',
  '[[[[',
];

function scratched(bytes: Buffer, random: Random, pick: Pick): Buffer {
  let body = bytes;
  for (let n = random(3); n >= 0; n--) {
    const at = random(body.length + 1);
    const piece = random(2) === 0 ? Buffer.from(pick(PIECES), 'latin1') : Buffer.of(random(256));
    const rest = random(40) === 0 ? body.length : Math.min(body.length, at + random(5));
    body = Buffer.concat([body.subarray(0, at), piece, body.subarray(rest)]);
  }
  return body;
}
