// The event stream: what it reads, when it tries again, and when it stops.
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createClient } from '../../src/cli/client.ts';
import { eventStream } from '../../src/cli/event-stream.ts';
import type { StreamMessage } from '../../src/cli/event-stream.ts';
import { serverSent } from '../../src/cli/server-sent.ts';
import { eventView, startStandIn } from './stand-in.ts';
import type { StandIn } from './stand-in.ts';

let daemon: StandIn;

beforeEach(async () => {
  daemon = await startStandIn();
});

afterEach(() => daemon.stop());

const timing = { firstPauseMs: 5, longestPauseMs: 20, silenceMs: 60_000, giveUpMs: 60_000 };

const open = (more = {}, signal = new AbortController().signal): AsyncGenerator<StreamMessage> =>
  eventStream(
    createClient(daemon.url, () => Promise.resolve({ token: 'x', source: 'a test' }), signal),
    signal,
    { ...timing, ...more },
  );

describe('reading', () => {
  async function* bytes(text: string, size: number): AsyncGenerator<Uint8Array> {
    const all = Buffer.from(text);
    for (let i = 0; i < all.length; i += size) yield await Promise.resolve(all.subarray(i, i + size));
  }

  test('messages are the same however the bytes arrive', async () => {
    const text = ': hello\n\nid: 7\r\ndata: {"a":"→é"}\r\n\r\nevent: resync\ndata:one\ndata: two\n\nid: 8\ndata: cut off';
    for (const size of [1, 2, 3, 1000]) {
      const found = [];
      for await (const message of serverSent(bytes(text, size))) found.push(message);
      expect(found).toEqual([
        { kind: 'comment' },
        { kind: 'message', event: 'message', id: '7', data: '{"a":"→é"}' },
        { kind: 'message', event: 'resync', id: '7', data: 'one\ntwo' },
      ]);
    }
  });

  test('one event and a list of events are both understood; what is not an event asks for a new look', async () => {
    const stream = open();
    expect((await stream.next()).value).toEqual({ kind: 'open' });
    expect((await stream.next()).value).toEqual({ kind: 'ping' });
    const [a, b] = [eventView(), eventView()];
    for (const response of daemon.streams) {
      response.write(`data: ${JSON.stringify([a, b])}\n\ndata: ${JSON.stringify(a)}\n\nevent: resync\ndata: {}\n\ndata: {broken\n\n`);
    }
    expect((await stream.next()).value).toEqual({ kind: 'events', events: [a, b] });
    expect((await stream.next()).value).toEqual({ kind: 'events', events: [a] });
    expect((await stream.next()).value).toEqual({ kind: 'ping' });
    expect((await stream.next()).value).toEqual({ kind: 'ping' });
    await stream.return(undefined);
  });
});

describe('trying again', () => {
  test('a connection that is silent for too long is given up and opened anew', async () => {
    const stream = open({ silenceMs: 150 });
    const kinds: string[] = [];
    for await (const { kind } of stream) {
      kinds.push(kind);
      if (kinds.length === 5) break;
    }
    expect(kinds).toEqual(['open', 'ping', 'lost', 'open', 'ping']);
  });

  test('a server that is busy is asked again; one that refuses is not', async () => {
    daemon.answers.set('GET /api/v1/events', {
      status: 503,
      json: { error: { code: 'store', message: 'The journal cannot be written.' } },
    });
    const stream = open();
    expect((await stream.next()).value).toEqual({ kind: 'lost', message: 'The journal cannot be written.' });
    expect((await stream.next()).value).toMatchObject({ kind: 'lost' });
    for (const status of [401, 403, 404]) {
      daemon.answers.set('GET /api/v1/events', { status, json: { error: { code: 'refused', message: 'Not you.' } } });
      await expect(open().next()).rejects.toMatchObject({ exit: 1, status });
    }
    await stream.return(undefined);
  });

  test('after a long time without a connection it ends with exit 3', async () => {
    await daemon.stop();
    const lost: StreamMessage[] = [];
    const all = (async () => {
      for await (const message of open({ giveUpMs: 200 })) lost.push(message);
    })();
    await expect(all).rejects.toMatchObject({ exit: 3, message: expect.stringContaining('No daemon answers at') as unknown });
    expect(lost.length).toBeGreaterThan(3);
    expect(lost.every(({ kind }) => kind === 'lost')).toBe(true);
    daemon = await startStandIn();
  });

  test('a signal ends it, whatever it is doing', async () => {
    for (const waitFor of ['open', 'lost']) {
      const controller = new AbortController();
      if (waitFor === 'lost') daemon.answers.set('GET /api/v1/events', { status: 503, text: '' });
      const stream = open({ firstPauseMs: 60_000, longestPauseMs: 60_000 }, controller.signal);
      expect((await stream.next()).value).toMatchObject({ kind: waitFor });
      const next = stream.next().then(() => stream.next());
      controller.abort();
      await expect(next).rejects.toMatchObject({ exit: 130 });
    }
  });
});
