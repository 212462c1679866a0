// GET /api/v1/events: the journal's events as they become durable (server-sent events, WHATWG HTML 9.2). The id is the journal's number, so
// a client that comes back with `Last-Event-ID` misses nothing and gets nothing twice.
import type { Request, Response } from 'express';
import type { Actor } from '../core/actor.ts';
import type { EventView } from '../core/views.ts';
import { admitToDeployment } from './admission.ts';
import { writeAndWait } from './connection.ts';
import { streamCells } from './cell-stream.ts';
import { Malformed, queryNumber, queryValue } from './route.ts';
import type { Context } from './route.ts';
import { streamMessages } from './stream.ts';
import { visibleEvents } from './visible.ts';

/**
 * Begins after `Last-Event-ID`, else after `?after=`, else with what happens from now on. A client that does not take what it is sent, or
 * that has seen events that this journal does not have, gets `event: resync`: ask for the state anew.
 */
export async function streamEvents(context: Context, request: Request, response: Response, actor: Actor): Promise<void> {
  const { application } = context;
  const last = application.lastEvent();
  const seen = lastSeen(request) ?? queryNumber(request, 'after', 0);
  const deployment = queryNumber(request, 'deployment', 1);
  const form = queryValue(request, 'form');
  if (form !== undefined) {
    if (form !== 'cells' || deployment === undefined) throw new Malformed('form: must be cells, with the number of a deployment');
    // Events of one deployment: without `after` all of them, from its beginning.
    await admitToDeployment(application, deployment, actor);
    return streamCells(context, request, response, deployment, Math.min(seen ?? 0, last));
  }
  const wanted = seen ?? last;
  await streamMessages(context, request, response, async (signal) => {
    const say = (text: string): Promise<boolean> => writeAndWait(response, text, context.slowReaderMs, signal);
    await say(wanted > last ? `: connected\n\n${resync(last)}` : ': connected\n\n');
    for await (const batch of application.events(Math.min(wanted, last), signal)) {
      if (!(await sendBatch(visibleEvents(batch, actor), say))) {
        if (!signal.aborted) response.write(resync(null));
        break;
      }
    }
  });
}

/** In pieces, so that a large batch is not written faster than it is read. */
async function sendBatch(batch: readonly EventView[], say: (text: string) => Promise<boolean>): Promise<boolean> {
  for (let i = 0; i < batch.length; i += 100) {
    const piece = batch.slice(i, i + 100);
    if (!(await say(piece.map((event) => `id: ${event.id}\ndata: ${JSON.stringify(event)}\n\n`).join('')))) return false;
  }
  return true;
}

const resync = (id: number | null): string => `${id === null ? '' : `id: ${id}\n`}event: resync\ndata: {}\n\n`;

function lastSeen(request: Request): number | undefined {
  const text = request.headers['last-event-id'];
  if (text === undefined || text === '') return undefined;
  if (typeof text !== 'string' || !/^\d{1,15}$/.test(text)) throw new Malformed('Last-Event-ID: must be the number of an event');
  return Number(text);
}
