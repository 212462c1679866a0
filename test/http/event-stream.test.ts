import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { get as httpGet } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { until } from '../lab/until.ts';
import { get, startServer, withToken } from './lab.ts';
import { sampleEvent } from './memory-application.ts';

let lab: Awaited<ReturnType<typeof startServer>>;
beforeEach(async () => {
  lab = await startServer({ slowReaderMs: 200 });
});
afterEach(() => lab.close());

/** A listener; `text` is what it has heard so far. */
function listen(path: string, headers = {}): Promise<{ response: IncomingMessage; heard: { text: string; ended: boolean } }> {
  return new Promise((resolve, reject) => {
    const request = httpGet(lab.url + path, { headers: { ...withToken, ...headers }, agent: false }, (response) => {
      const heard = { text: '', ended: false };
      response.setEncoding('utf8').on('data', (chunk: string) => (heard.text += chunk));
      response.on('close', () => (heard.ended = true)).on('error', () => undefined);
      resolve({ response, heard });
    });
    request.on('error', reject);
  });
}

const idsIn = (text: string): number[] => [...text.matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id));

test('events arrive as they become durable, with the journal’s numbers', async () => {
  lab.application.publish(sampleEvent(1), sampleEvent(2));
  const { response, heard } = await listen('/api/v1/events');
  expect(response.headers).toMatchObject({
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store, no-transform',
    'x-accel-buffering': 'no',
  });
  await until(() => heard.text.includes(': connected'));
  lab.application.publish(sampleEvent(3, 'two\nlines'));
  await until(() => idsIn(heard.text).length === 1, { what: 'the third event' });
  expect(heard.text).toContain(`id: 3\ndata: ${JSON.stringify(sampleEvent(3, 'two\nlines'))}\n\n`);
  response.destroy();
});

test('a listener that comes back misses nothing and gets nothing twice', async () => {
  lab.application.publish(...Array.from({ length: 2500 }, (_, i) => sampleEvent(i + 1)));
  const { response, heard } = await listen('/api/v1/events?after=3', { 'last-event-id': '10' });
  await until(() => idsIn(heard.text).length === 2490, { what: 'all events after the tenth' });
  expect(idsIn(heard.text)).toEqual(Array.from({ length: 2490 }, (_, i) => i + 11));
  response.destroy();
});

test('who asks for all gets all', async () => {
  lab.application.publish(sampleEvent(1), sampleEvent(2));
  const { response, heard } = await listen('/api/v1/events?after=0');
  await until(() => idsIn(heard.text).length === 2);
  response.destroy();
});

test('a listener that knows events of another journal is told to start anew', async () => {
  lab.application.publish(sampleEvent(1));
  const { response, heard } = await listen('/api/v1/events', { 'last-event-id': '999' });
  await until(() => heard.text.includes('event: resync'));
  lab.application.publish(sampleEvent(2));
  await until(() => idsIn(heard.text).includes(2));
  expect(idsIn(heard.text)).toEqual([1, 2]);
  response.destroy();
});

test('a listener that does not listen is dropped with a word, and nothing piles up for it', async () => {
  const events = lab.application.events.bind(lab.application);
  let dropped = false;
  lab.application.events = async function* (after, signal) {
    try {
      yield* events(after, signal);
    } finally {
      dropped = true;
    }
  };
  const { response, heard } = await listen('/api/v1/events?after=0');
  await until(() => heard.text.includes(': connected'));
  response.pause();
  const long = 'x'.repeat(100_000);
  for (let i = 1; i <= 400; i++) lab.application.publish(sampleEvent(i, long));
  await until(() => dropped, { what: 'the end of the listener' });
  response.resume();
  await until(() => heard.ended, { what: 'the end of the stream' });
  expect(heard.text.endsWith('event: resync\ndata: {}\n\n')).toBe(true);
  expect(idsIn(heard.text).length).toBeLessThan(400);
});

test('nonsense is refused before the stream begins', async () => {
  expect((await get(lab.url, '/api/v1/events?after=x')).status).toBe(400);
  expect((await get(lab.url, '/api/v1/events', { 'last-event-id': '-1' })).status).toBe(400);
});

test('a log that is followed goes on until the listener leaves', async () => {
  const { response, heard } = await listen('/api/v1/deployments/42/log?follow=1');
  await until(() => heard.text === 'build: first line\nbuild: second line\n');
  expect(heard.ended).toBe(false);
  response.destroy();
  expect((await get(lab.url, '/api/v1/deployments/43/log?follow=1')).status).toBe(404);
});

test('closing the server ends all streams at once', async () => {
  const streams = await Promise.all([
    listen('/api/v1/events'),
    listen('/api/v1/deployments/42/log?follow=1'),
    listen('/api/v1/events?after=0'),
  ]);
  const started = Date.now();
  await lab.close();
  expect(Date.now() - started).toBeLessThan(4_000);
  await until(() => streams.every(({ heard }) => heard.ended));
  await expect(get(lab.url, '/livez')).rejects.toThrow('ECONNREFUSED');
});
