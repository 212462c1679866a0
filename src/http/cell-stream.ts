// GET /api/v1/events?deployment=N&form=cells: the matrix of one deployment as it changes, in as few bytes as will do. docs/page.md has the form.
import type { Request, Response } from 'express';
import type { CellsView } from '../core/insight.ts';
import { writeAndWait } from './connection.ts';
import { notFound } from './route.ts';
import type { Context } from './route.ts';
import { streamMessages } from './stream.ts';

/**
 * `after`: the last event that the client knows. A client that takes nothing for a while gets `event: resync` and is left; it comes back with
 * the id that it has and misses nothing. The stream ends with `event: end`: the client must close it then.
 */
export async function streamCells(
  context: Context,
  request: Request,
  response: Response,
  deployment: number,
  after: number,
): Promise<void> {
  if (!(await context.application.insight.knows(deployment))) throw notFound('There is no such deployment.');
  await streamMessages(context, request, response, async (signal) => {
    response.write(': connected\n\n');
    for await (const piece of context.application.insight.cells(deployment, after, signal)) {
      if (await writeAndWait(response, encoded(piece), context.slowReaderMs, signal)) continue;
      if (!signal.aborted) response.write('event: resync\ndata: {}\n\n');
      break;
    }
  });
}

const messages = new WeakMap<CellsView['cells'], Buffer>();

/**
 * Many who watch get the same piece, with the same list: it is written out and encoded once, and what waits in a slow connection is this one
 * buffer, not a copy for each.
 */
function encoded(piece: CellsView): string | Buffer {
  if (piece.cells.length === 0 || piece.course !== null || piece.ended) return messageOf(piece);
  const known = messages.get(piece.cells);
  if (known !== undefined) return known;
  const message = Buffer.from(messageOf(piece), 'latin1');
  messages.set(piece.cells, message);
  return message;
}

/** Only what may not come twice has an id; the course and the end may. */
export function messageOf({ id, course, cells, others, ended }: CellsView): string {
  const data =
    cells.length > 0 ? `data: ${JSON.stringify(cells)}\n\n` : others.length > 0 ? `event: change\ndata: ${JSON.stringify(others)}\n\n` : '';
  return [
    course === null ? '' : `event: course\ndata: ${JSON.stringify(course)}\n\n`,
    data === '' ? '' : `id: ${id}\n${data}`,
    ended ? 'event: end\ndata: {}\n\n' : '',
  ].join('');
}
