// `logs N [-f]`: a deployment's log, safe to print, and with -f to its end, with the live block below it on a terminal.
import { stripVTControlCharacters } from 'node:util';
import { setTimeout as delay } from 'node:timers/promises';
import { visible } from '../core/escape.ts';
import { interrupted } from './client.ts';
import { resultPaint, summary } from './deployment-words.ts';
import { STREAM_TIMING } from './event-stream.ts';
import { ApiFailure, CommandFailure, EXIT } from './failure.ts';
import { onTerminal } from './progress.ts';
import type { Session } from './session.ts';

/** With `--json` the log is one document, so what is kept of it has a limit. */
const MOST_JSON = 32 * 1024 * 1024;

/** With text alone, failures would be told as text, too. */
const LOG_TYPES = 'text/plain, application/json';

export async function logs(session: Session, number: number, isFollowing: boolean): Promise<number> {
  const { output } = session;
  if (output.json) {
    let log = '';
    let isCut = false;
    for await (const text of logText(session, number, isFollowing)) {
      log += text.slice(0, Math.max(0, MOST_JSON - log.length));
      isCut ||= log.length >= MOST_JSON;
    }
    output.result({ deployment: number, log, cut: isCut }, () => []);
  } else if (isFollowing && output.live) {
    const view = await onTerminal(session, number, async (block) => {
      for await (const text of logText(session, number, true)) block.above(text);
    });
    output.line(resultPaint(view, output.palette)(summary(view)));
  } else {
    for await (const text of logText(session, number, isFollowing)) await output.write(text);
  }
  return EXIT.done;
}

/** Whole lines, each ended by a newline. A broken connection is taken up where it broke. */
async function* logText(session: Session, number: number, isFollowing: boolean): AsyncGenerator<string> {
  let rest = '';
  for await (const piece of pieces(session, number, isFollowing)) {
    const text = rest + piece;
    const end = Math.max(text.lastIndexOf('\n'), text.length > 65_536 ? text.length - 1 : -1) + 1;
    rest = text.slice(end);
    if (end > 0) yield withNewline(safe(text.slice(0, end)));
  }
  if (rest !== '') yield withNewline(safe(rest));
}

const withNewline = (text: string): string => (text.endsWith('\n') ? text : `${text}\n`);

/** Colours of build tools are taken out; lone carriage returns (progress bars) become line ends, so that nothing hides another. */
const safe = (text: string): string => visible(stripVTControlCharacters(text).replace(/\r+\n?/g, '\n'));

async function* pieces({ api, io }: Session, number: number, isFollowing: boolean): AsyncGenerator<string> {
  const path = `/api/v1/deployments/${number}/log${isFollowing ? '?follow=1' : ''}`;
  const decoder = new TextDecoder();
  let hasConnected = false;
  let seen = 0;
  let pauseMs = STREAM_TIMING.firstPauseMs;
  let lostAt: number | null = null;
  for (;;) {
    try {
      const stream = await api().client.open(path, { accept: LOG_TYPES, signal: io.signal });
      lostAt = null;
      hasConnected = true;
      // The log only grows: after a break, what has been shown is skipped by its length.
      let skip = seen;
      for await (const chunk of stream) {
        pauseMs = STREAM_TIMING.firstPauseMs;
        const fresh = chunk.subarray(Math.min(skip, chunk.byteLength));
        skip -= chunk.byteLength - fresh.byteLength;
        seen += fresh.byteLength;
        if (fresh.byteLength > 0) yield decoder.decode(fresh, { stream: true });
      }
      // A daemon that is stopped ends its answers, too.
      if (!isFollowing || (await api().deployment(number)).state === 'ended') return;
    } catch (error) {
      lostAt ??= Date.now();
      if (!isFollowing || !mayPass(error) || Date.now() - lostAt > STREAM_TIMING.giveUpMs || !hasConnected) throw error;
    }
    await delay(pauseMs, undefined, { signal: io.signal }).catch(() => undefined);
    if (io.signal.aborted) throw interrupted();
    pauseMs = Math.min(STREAM_TIMING.longestPauseMs, pauseMs * 2);
  }
}

const mayPass = (error: unknown): boolean =>
  error instanceof ApiFailure ? error.status >= 500 : error instanceof CommandFailure && error.exit === EXIT.unreachable;
