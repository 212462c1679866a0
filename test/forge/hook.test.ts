import { describe, expect, test } from '@jest/globals';
import { DeployError } from '../../src/core/errors.ts';
import { parseHook } from '../../src/forge/hook.ts';

const A = 'a'.repeat(40);
const ZERO = '0'.repeat(40);
const parse = (body: unknown) => parseHook('shop', 'msg_1', Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)));
const push = (...refs: unknown[]) => ({ repository: 'shop', refs, actor: 'ann' });

describe('a notice about a push', () => {
  test('names branches as the configuration does and other refs in full', () => {
    const change = parse(
      push({ ref: 'refs/heads/servers/demo', old: A, new: A }, { ref: 'refs/tags/v1', old: ZERO, new: A }, { ref: 'refs/notes/x', new: A }),
    );
    expect(change).toEqual({
      delivery: 'msg_1',
      repository: 'shop',
      refs: [
        { ref: 'servers/demo', deleted: false, revision: A },
        { ref: 'refs/tags/v1', deleted: false, revision: A },
        { ref: 'refs/notes/x', deleted: false, revision: A },
      ],
      actor: 'ann',
      source: 'hook',
    });
  });

  test('says which refs were deleted, also in a SHA-256 repository', () => {
    const change = parse(
      push({ ref: 'refs/heads/a', old: A, new: ZERO }, { ref: 'refs/heads/b', old: 'b'.repeat(64), new: '0'.repeat(64) }),
    );
    expect(change).toMatchObject({ refs: [{ deleted: true }, { deleted: true }] });
  });

  test('may hold any name that git allows', () => {
    const names = ['a"b', "a'b", '$(id)', '`id`', ';|&<>', '-x', 'é/日本/🚀', 'constructor', '__proto__', '‮x', '\u0085'];
    const change = parse(push(...names.map((name) => ({ ref: `refs/heads/${name}`, old: A, new: A }))));
    expect(change).toMatchObject({ refs: names.map((ref) => ({ ref, deleted: false })) });
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  test('counts a ref once', () => {
    expect(parse(push({ ref: 'refs/heads/a', new: A }, { ref: 'refs/heads/a', new: ZERO }))).toMatchObject({
      refs: [{ ref: 'a', deleted: true }],
    });
  });

  test('keeps at most 1000 refs', () => {
    const refs = Array.from({ length: 1001 }, (_, i) => ({ ref: `refs/heads/${i}`, new: A }));
    expect(parse(push(...refs.slice(1)))).toMatchObject({ actor: 'ann' });
    expect(() => parse(push(...refs))).toThrow(/more than 1000 refs/);
  });

  test.each([
    ['nothing', ''],
    ['no JSON', '{'],
    ['a list', '[]'],
    ['null', 'null'],
    ['an empty object', '{}'],
    ['refs that are no list', '{"refs":{}}'],
    ['a ref that is null', '{"refs":[null]}'],
    ['a ref without name', `{"refs":[{"new":"${A}"}]}`],
    ['a ref without new id', '{"refs":[{"ref":"refs/heads/a"}]}'],
    ['an id that is none', '{"refs":[{"ref":"refs/heads/a","new":"HEAD"}]}'],
    ['an empty branch', `{"refs":[{"ref":"refs/heads/","new":"${A}"}]}`],
    ['a control character', `{"refs":[{"ref":"refs/heads/a\\u0000","new":"${A}"}]}`],
    ['half a surrogate pair', `{"refs":[{"ref":"refs/heads/a\\ud800","new":"${A}"}]}`],
    ['a very long name', `{"refs":[{"ref":"${'a'.repeat(5000)}","new":"${A}"}]}`],
    ['another repository', '{"repository":"portal","refs":[]}'],
    ['deep nesting', '['.repeat(500_000) + ']'.repeat(499_000)],
    ['deep nesting that is JSON', '['.repeat(499_000) + ']'.repeat(499_000)],
  ])('that is %s is refused with a reason', (_what, body) => {
    expect(() => parse(body)).toThrow(DeployError);
    expect(() => parse(body)).toThrow(/The notice cannot be understood: /);
  });
});

describe('a notice about a commit to Subversion', () => {
  test('tells paths, without slashes at their ends', () => {
    const change = parse({ repository: 'shop', revision: 7, author: 'ann', paths: ['servers/demo/', 'trunk/a b', '', 'trunk/a b'] });
    expect(change).toEqual({
      delivery: 'msg_1',
      repository: 'shop',
      refs: [],
      paths: ['servers/demo', 'trunk/a b', ''],
      actor: 'ann',
      source: 'hook',
    });
  });

  test('without paths, or with too many, says that anything may have changed', () => {
    expect(parse({ revision: 7, author: null, paths: null })).toEqual({
      delivery: 'msg_1',
      repository: 'shop',
      refs: [],
      actor: null,
      source: 'hook',
    });
    expect(parse({ revision: 7, paths: Array(2001).fill('trunk') })).not.toHaveProperty('paths');
  });

  test.each(['{"revision":"7"}', '{"revision":7,"paths":"trunk"}', '{"revision":7,"paths":[5]}', '{"revision":1e99}'])(
    'is refused when it is %s',
    (body) => {
      expect(() => parse(body)).toThrow(DeployError);
    },
  );
});

test('a ping is a ping', () => {
  expect(parse({ repository: 'shop', event: 'ping' })).toEqual({ ping: true });
});

test('an actor that is no name is nobody', () => {
  for (const actor of [5, '', '  ', null, {}, ['ann']]) expect(parse({ refs: [], actor })).toMatchObject({ actor: null });
  expect(parse({ refs: [], actor: ' an\u0007n\n ' })).toMatchObject({ actor: 'ann' });
});

test('10,000 mutated notices are either understood or refused, and never anything else', () => {
  const sources = [
    push({ ref: 'refs/heads/servers/demo', old: A, new: ZERO }),
    { repository: 'shop', revision: 7, author: 'ann', paths: ['trunk/é', 'servers/demo'] },
    { repository: 'shop', event: 'ping' },
  ].map((source) => Buffer.from(JSON.stringify(source)));
  let state = 42;
  // A small generator, so that a failure can be repeated: Numerical Recipes' constants.
  const random = (below: number): number => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) % below;
  const pieces = ['"', '{', '}', '[', ']', ',', 'null', '1e999', '\\u0000', '"__proto__":', '\xff', '-', '"refs":', '{"a":1}'];
  let understood = 0;
  for (let i = 0; i < 10_000; i++) {
    let body = Buffer.from(sources[i % sources.length] ?? []);
    for (let n = random(4); n >= 0; n--) {
      const at = random(body.length + 1);
      const piece = Buffer.from(pieces[random(pieces.length)] ?? '', 'latin1');
      body = Buffer.concat([
        body.subarray(0, at),
        random(2) === 0 ? piece : Buffer.of(random(256)),
        body.subarray(Math.min(body.length, at + random(5))),
      ]);
    }
    try {
      parseHook('shop', 'msg_1', body);
      understood += 1;
    } catch (error) {
      if (!(error instanceof DeployError)) throw new Error(`${body.toString('latin1')} broke the parser`, { cause: error });
    }
  }
  expect(understood).toBeGreaterThan(10);
});
