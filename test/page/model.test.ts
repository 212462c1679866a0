// What the page makes of what it is sent: lines of logs, colours of terminals, pieces of the event stream.
import { describe, expect, test } from '@jest/globals';
import { linesOf } from '../../src/store/log-lines.ts';
import { pieces } from '../../src/page/live/ansi.ts';
import { parseLine } from '../../src/page/live/log-lines.ts';
import { createReader } from '../../src/page/live/server-sent.ts';

const servers = new Map([
  ['web1', 0],
  ['web (old)', 1],
]);
const AT = '2026-11-22T08:22:35.123Z';

describe('a line of a log', () => {
  test('that tells of a server is told apart from what programs print', () => {
    expect(parseLine(`${AT} upload finished on web1 (delta, 12 bytes)`, servers)).toEqual({
      text: 'upload finished on web1 (delta, 12 bytes)',
      at: Date.parse(AT),
      event: { verb: 'finished', action: 'upload', step: 'upload', direction: 'forward', server: 0 },
    });
    expect(parseLine(`${AT} decide (going back) failed on web (old): no (more) space`, servers).event).toMatchObject({
      verb: 'failed',
      step: 'switch',
      direction: 'back',
      server: 1,
    });
    expect(parseLine(`${AT} migrate failed: it said: no`, servers).event).toMatchObject({ step: 'migrate', server: -1 });
    expect(parseLine('upload finished on web1', servers)).toEqual({ text: 'upload finished on web1', at: null, event: null });
  });

  test('comes whole, however the file was read', async () => {
    async function* cut(): AsyncGenerator<string> {
      for (const piece of ['one\ntw', 'o\n', '\nth', 'ree']) yield await Promise.resolve(piece);
    }
    const lines: string[] = [];
    for await (const line of linesOf(cut())) lines.push(line);
    expect(lines).toEqual(['one', 'two', '', 'three']);
  });

  test('has its colours as styles, and steers nothing', () => {
    expect(pieces('\u001b[1;32mgreen\u001b[0m plain')).toEqual([
      { text: 'green', style: 'ansi-bold ansi-green' },
      { text: ' plain', style: '' },
    ]);
    const hostile = '\u001b]0;title\u0007a\u001b[2J\u001b[38;5;196mb\u0008\u202e\u001bc';
    expect(
      pieces(hostile)
        .map((piece) => piece.text)
        .join(''),
    ).toBe('ab\\x08\\u202e');
  });
});

test('messages of the event stream are whole, wherever it was cut', () => {
  const text = ': connected\n\nid: 7\ndata: {"a":1}\n\nid: 8\nevent: resync\ndata: {}\n\n';
  for (let cut = 0; cut <= text.length; cut++) {
    const read = createReader();
    expect([...read(text.slice(0, cut)), ...read(text.slice(cut))]).toEqual([
      { event: 'message', id: '7', data: '{"a":1}' },
      { event: 'resync', id: '8', data: '{}' },
    ]);
  }
});
