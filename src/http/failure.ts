// How a failure is answered: the operator's errors with their own words, everything else with one neutral sentence and a line in the log.
import type { NextFunction, Request, Response } from 'express';
import { DeployError } from '../core/errors.ts';
import type { ErrorCode } from '../core/errors.ts';
import { visibleLine } from '../core/escape.ts';
import { Malformed } from './route.ts';

const STATUS: Readonly<Partial<Record<ErrorCode, number>>> = {
  'not-found': 404,
  conflict: 409,
  aborted: 409,
  refused: 403,
  configuration: 400,
  store: 503,
  repository: 502,
  unreachable: 502,
  timeout: 504,
};

/** Seconds after which trying again may help. */
const RETRY_AFTER = '5';

/** `{error: {code, message}}`, or the message alone for who asked for plain text. Does nothing when an answer has begun. */
export function answerFailure(request: Request, response: Response, status: number, code: string, message: string): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  if (status === 503) response.set('Retry-After', RETRY_AFTER);
  response.status(status);
  if (wantsText(request)) response.type('text/plain').send(`${message}\n`);
  else response.json({ error: { code, message } });
}

/** Express' last resort: whatever a handler threw. */
export function failureHandler(log: (line: string) => void) {
  // Express recognises an error handler by its four parameters.
  // eslint-disable-next-line @typescript-eslint/no-unused-vars
  return (error: unknown, request: Request, response: Response, _next: NextFunction): void => {
    if (error instanceof DeployError) {
      answerFailure(request, response, STATUS[error.code] ?? 500, error.code, error.message);
      return;
    }
    if (error instanceof Malformed) {
      answerFailure(request, response, 400, 'malformed', error.message);
      return;
    }
    // What Express itself refuses, such as a path that is not percent-encoded properly.
    const status = statusOf(error);
    if (status !== null) {
      answerFailure(request, response, status, 'malformed', 'The request cannot be understood.');
      return;
    }
    log(
      visibleLine(`${request.method} ${request.path} failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`),
    );
    answerFailure(request, response, 500, 'bug', "This is a mistake in Lockstep; the daemon's log has the details.");
  };
}

/** `Accept: text/plain`, word for word: what our hooks send, because sh cannot read JSON. */
export const wantsText = (request: Request): boolean => request.headers.accept === 'text/plain';

function statusOf(error: unknown): number | null {
  const status = typeof error === 'object' && error !== null && 'status' in error ? error.status : null;
  return typeof status === 'number' && status >= 400 && status < 500 ? status : null;
}
