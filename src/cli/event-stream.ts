// The daemon's events for as long as somebody wants them: connects, reads, and continues after a break where it stopped.
import { setTimeout as delay } from 'node:timers/promises';
import type { EventView } from '../core/views.ts';
import { interrupted } from './client.ts';
import type { Client } from './client.ts';
import { ApiFailure, CommandFailure, EXIT } from './failure.ts';
import { serverSent } from './server-sent.ts';

export type StreamMessage =
  /** Connected: what happened before may have been missed. */
  | { readonly kind: 'open' }
  | { readonly kind: 'events'; readonly events: readonly EventView[] }
  /** The daemon is there and has nothing to say, or says that something was left out. */
  | { readonly kind: 'ping' }
  | { readonly kind: 'lost'; readonly message: string };

export type StreamTiming = {
  readonly firstPauseMs: number;
  readonly longestPauseMs: number;
  /** The daemon pings every 15 s; a connection that is silent for so long is dead. */
  readonly silenceMs: number;
  /** Without a connection for so long: nobody answers (exit 3). */
  readonly giveUpMs: number;
};

export const STREAM_TIMING: StreamTiming = { firstPauseMs: 250, longestPauseMs: 5_000, silenceMs: 45_000, giveUpMs: 300_000 };

/**
 * Endless until `signal` aborts (then it rejects with an interruption). Pauses between attempts double, with jitter. Rejects with the
 * API's failure when a new attempt cannot help (401, 403, 404), and with exit 3 after `giveUpMs` without a connection.
 */
export async function* eventStream(client: Client, signal: AbortSignal, timing = STREAM_TIMING): AsyncGenerator<StreamMessage> {
  let lastId: string | null = null;
  let pauseMs = timing.firstPauseMs;
  let lostAt: number | null = null;
  for (;;) {
    let why: string;
    try {
      for await (const message of connection(client, lastId, signal, timing.silenceMs)) {
        lostAt = null;
        pauseMs = timing.firstPauseMs;
        if (message.id !== null) lastId = message.id;
        yield message.what;
      }
      why = `The daemon at ${client.url} closed the event stream.`;
    } catch (error) {
      if (signal.aborted) throw interrupted();
      if (isFinal(error)) throw error;
      why = error instanceof Error ? error.message : String(error);
    }
    lostAt ??= Date.now();
    if (Date.now() - lostAt >= timing.giveUpMs) {
      throw new CommandFailure(
        'unreachable',
        EXIT.unreachable,
        `${why} Nothing was heard from it for ${Math.round(timing.giveUpMs / 1000)} s; what it was doing goes on when it is started again.`,
      );
    }
    yield { kind: 'lost', message: why };
    await delay(pauseMs * (0.5 + Math.random() / 2), undefined, { signal }).catch(() => undefined);
    if (signal.aborted) throw interrupted();
    pauseMs = Math.min(timing.longestPauseMs, pauseMs * 2);
  }
}

/** 408, 429 and 5xx may pass; the other refusals will not. */
function isFinal(error: unknown): boolean {
  if (!(error instanceof ApiFailure)) return error instanceof CommandFailure && error.exit === EXIT.usage;
  return error.status < 500 && error.status !== 408 && error.status !== 429;
}

type Numbered = { readonly what: StreamMessage; readonly id: string | null };

async function* connection(client: Client, lastId: string | null, signal: AbortSignal, silenceMs: number): AsyncGenerator<Numbered> {
  const silence = new AbortController();
  const timer = setTimeout(() => silence.abort(new Error(`The event stream of ${client.url} fell silent.`)), silenceMs);
  try {
    const headers: Record<string, string> = lastId === null ? {} : { 'last-event-id': lastId };
    const stream = await client.open('/api/v1/events', {
      accept: 'text/event-stream',
      headers,
      signal: AbortSignal.any([signal, silence.signal]),
    });
    yield { what: { kind: 'open' }, id: null };
    for await (const message of serverSent(stream)) {
      timer.refresh();
      if (message.kind === 'comment') yield { what: { kind: 'ping' }, id: null };
      else yield { what: eventsOf(message.event, message.data), id: message.id };
    }
  } catch (error) {
    throw silence.signal.aborted && !signal.aborted ? silence.signal.reason : error;
  } finally {
    clearTimeout(timer);
  }
}

/** `data` is one event or a list of them. Other named messages (`resync`) and what cannot be read mean: ask for the state anew. */
function eventsOf(name: string, data: string): StreamMessage {
  try {
    const parsed: unknown = data === '' ? null : JSON.parse(data);
    const events = (Array.isArray(parsed) ? parsed : [parsed]).filter(isEvent);
    return events.length === 0 || name === 'resync' ? { kind: 'ping' } : { kind: 'events', events };
  } catch {
    return { kind: 'ping' };
  }
}

const isEvent = (value: unknown): value is EventView => typeof value === 'object' && value !== null && 'id' in value && 'type' in value;
