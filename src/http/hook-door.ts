// POST /hooks/:repository, the one door that is open to the network: everybody may knock, nobody learns anything who has not the secret.
import type { Request, Response } from 'express';
import { DeployError } from '../core/errors.ts';
import { visibleLine } from '../core/escape.ts';
import { answerAndClose, readBody } from './body.ts';
import { answerFailure, wantsText } from './failure.ts';
import { isPlausibleName } from './route.ts';
import type { Context } from './route.ts';

const LARGEST_BODY = 1024 * 1024;
const MOST_IN_FLIGHT = 64;
const BODY_TIMEOUT_MS = 10_000;

/**
 * The order matters: what can be seen from the headers before the body is read, the signature before the body is understood, and durable
 * before 202. An unknown repository, one without secret, and a wrong signature are the same 401.
 */
export function createHookDoor(): (context: Context, request: Request, response: Response) => Promise<void> {
  let inFlight = 0;

  return async (context, request, response) => {
    response.set('Cache-Control', 'no-store');
    if (request.method !== 'POST' || !context.hooks.isPlausible(headersOf(request))) return refuse(request, response);
    if (inFlight >= MOST_IN_FLIGHT) return answerEarly(request, response, 503, 'busy', 'Too many notices at a time; send it again later.');
    inFlight += 1;
    try {
      await receive(context, request, response);
    } finally {
      inFlight -= 1;
    }
  };
}

async function receive(context: Context, request: Request, response: Response): Promise<void> {
  const body = await readBody(request, LARGEST_BODY, BODY_TIMEOUT_MS);
  if (body === 'large') return answerEarly(request, response, 413, 'too-large', 'A notice has at most 1 MiB.');
  if (body === 'broken') return answerEarly(request, response, 408, 'timeout', 'The notice did not come whole in time.');

  const repository = String(request.params['repository']);
  const headers = headersOf(request);
  const secrets = await secretsOf(context, repository);
  if (!context.hooks.isAuthentic(headers, body, secrets, context.now())) return refuse(request, response);

  const change = readChange(context, request, response, repository, body);
  if (change === null) return;
  if ('ping' in change) {
    if (wantsText(request)) response.type('text/plain').send('pong\n');
    else response.json({ pong: true });
    return;
  }
  const answer = await context.application.receive(change);
  response.status(answer.repeated === true ? 200 : 202);
  if (wantsText(request)) response.type('text/plain').send(answer.lines.map((line) => `${visibleLine(line)}\n`).join(''));
  else response.json(answer);
}

/** `null`: it could not be understood, and that has been answered. */
function readChange(context: Context, request: Request, response: Response, repository: string, body: Buffer) {
  try {
    return context.hooks.read(repository, headersOf(request), body);
  } catch (error) {
    if (!(error instanceof DeployError)) throw error;
    answerFailure(request, response, 400, 'malformed', error.message);
    return null;
  }
}

/** None when the repository is unknown or its secrets cannot be read: the door is closed, and from outside it looks the same. */
async function secretsOf({ application, log }: Context, repository: string): Promise<readonly string[]> {
  if (!isPlausibleName(repository) || !application.hasRepository(repository)) return [];
  try {
    return await application.secrets(repository);
  } catch (error) {
    log(visibleLine(`notices of ${repository} are refused: ${error instanceof Error ? error.message : String(error)}`));
    return [];
  }
}

function refuse(request: Request, response: Response): void {
  answerEarly(request, response, 401, 'unauthorized', 'The signature is not valid for this address.');
}

/** Without reading on; every refusal of one kind is byte for byte the same, whatever it was refused for. */
function answerEarly(request: Request, response: Response, status: number, code: string, message: string): void {
  if (status === 503) response.set('Retry-After', '5');
  if (wantsText(request)) answerAndClose(request, response, status, 'text/plain', `${message}\n`);
  else answerAndClose(request, response, status, 'application/json', JSON.stringify({ error: { code, message } }));
}

/** Headers that were sent twice are joined by Node (`a, b`), which no well-formed header of ours looks like. */
const headersOf = (request: Request): Record<string, string | undefined> => request.headers as Record<string, string | undefined>;
