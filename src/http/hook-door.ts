// POST /hooks/:repository, the one door that is open to the network: everybody may knock, nobody learns anything who has not the secret.
import type { Request, Response } from 'express';
import { DeployError } from '../core/errors.ts';
import { visibleLine } from '../core/escape.ts';
import type { Delivery } from '../core/hook.ts';
import { answerAndClose, watchBody } from './body.ts';
import { answerFailure, wantsText } from './failure.ts';
import type { RefusalReason } from './refusals.ts';
import { createRoom } from './room.ts';
import type { Room } from './room.ts';
import { isPlausibleName } from './route.ts';
import type { Context } from './route.ts';
import { isAllowedSource } from './sources.ts';

const LARGEST_BODY = 1024 * 1024;
/** GitHub's own limit. Beyond `LARGEST_BODY` nothing is kept: an authentic one says that anything may have changed. */
const LARGEST_FORGE_BODY = 25 * 1024 * 1024;
/** Of all notices that are being received, together. Whose turn it is not yet to be believed may cost no more. */
const MOST_KEPT = 32 * 1024 * 1024;
const BODY_TIMEOUT_MS = 10_000;

/**
 * The order matters: what can be seen from the headers before the body is read, the signature before the body is understood, and durable
 * before 202. An unknown repository, one without secret, a foreign address, and a wrong signature are the same 401.
 */
export function createHookDoor(): (context: Context, request: Request, response: Response) => Promise<void> {
  const room = createRoom(MOST_KEPT);

  return async (context, request, response) => {
    response.set('Cache-Control', 'no-store');
    const { repository, door } = doorOf(context, request);
    const refuse = refusal(context, request, response, door === null ? null : repository);
    if (request.method !== 'POST') return refuse('headers', 'the method is not POST');
    if (!context.hooks.isPlausible(headersOf(request))) return refuse('headers', 'no header proves who sent it');
    if (!isAllowedSource(door?.sources ?? [], request.socket.remoteAddress)) {
      return refuse('source', `${request.socket.remoteAddress ?? 'the address'} is not one of its "hookSources"`);
    }
    await receive(context, request, response, refuse, room);
  };
}

type Refuse = (reason: RefusalReason, why: string) => void;

async function receive(context: Context, request: Request, response: Response, refuse: Refuse, room: Room): Promise<void> {
  const { hooks, now } = context;
  const { repository, door } = doorOf(context, request);
  const forge = door?.forge ?? null;
  const headers = headersOf(request);
  const { secrets, problem } = await secretsOf(context, repository, door !== null);
  const witness = hooks.witness(forge, headers, secrets, now());

  const limits = { keep: LARGEST_BODY, limit: hooks.mayBeLarge(headers) ? LARGEST_FORGE_BODY : LARGEST_BODY, timeoutMs: BODY_TIMEOUT_MS };
  const crowded = new AbortController();
  const place = room.enter(request.socket.remoteAddress ?? '', 0, () => crowded.abort());
  const follow = { watch: (chunk: Buffer) => witness.update(chunk), holds: (bytes: number) => place.hold(bytes), signal: crowded.signal };
  const body = await watchBody(request, { ...limits, ...follow });
  place.leave();
  if (crowded.signal.aborted) return answerEarly(request, response, 503, 'busy', 'Too much comes at a time; send it again later.');
  if (body === 'large') return answerEarly(request, response, 413, 'too-large', 'The notice is larger than any that is taken.');
  if (body === 'broken') return answerEarly(request, response, 408, 'timeout', 'The notice did not come whole in time.');

  const odd = hooks.oddity(forge, headers);
  if (!witness.isAuthentic()) return refuse('signature', problem ?? odd ?? 'it is not signed with its secret, or too old');
  context.connections.keep(request, response);
  if (odd !== null) context.refusals.remark(repository, odd);

  const change = readChange(context, request, response, { repository, forge, headers, body, receivedAt: now() });
  if (change === null) return;
  if ('ping' in change) {
    if (wantsText(request)) response.type('text/plain').send('pong\n');
    else response.json({ pong: true });
    return;
  }
  const from = request.socket.remoteAddress;
  const answer = await context.application.receive(from === undefined ? change : { ...change, address: from });
  response.status(answer.repeated === true ? 200 : 202);
  if (wantsText(request)) response.type('text/plain').send(answer.lines.map((line) => `${visibleLine(line)}\n`).join(''));
  else response.json(answer);
}

function doorOf({ application }: Context, request: Request) {
  const repository = String(request.params['repository']);
  return { repository, door: isPlausibleName(repository) ? application.door(repository) : null };
}

/** `null`: it could not be understood, and that has been answered. */
function readChange(context: Context, request: Request, response: Response, delivery: Delivery) {
  try {
    return context.hooks.read(delivery);
  } catch (error) {
    if (!(error instanceof DeployError)) throw error;
    answerFailure(request, response, 400, 'malformed', error.message);
    return null;
  }
}

/** None when the repository is unknown or its secrets cannot be read: the door is closed, and from outside it looks the same. */
async function secretsOf(
  { application }: Context,
  repository: string,
  isKnown: boolean,
): Promise<{ readonly secrets: readonly string[]; readonly problem: string | null }> {
  if (!isKnown) return { secrets: [], problem: `no repository ${JSON.stringify(repository.slice(0, 60))} is configured` };
  try {
    const secrets = await application.secrets(repository);
    return { secrets, problem: secrets.length === 0 ? 'it has no secret' : null };
  } catch (error) {
    return { secrets: [], problem: error instanceof Error ? error.message : String(error) };
  }
}

/** Without reading on; every refusal of one kind is byte for byte the same, whatever it was refused for. */
function refusal({ refusals, addressOf }: Context, request: Request, response: Response, repository: string | null): Refuse {
  return (reason, why) => {
    refusals.note(repository, reason, addressOf(request), visibleLine(why));
    // Some senders (Gerrit's plugin) give the password of their URL only when they are asked for it.
    response.set('WWW-Authenticate', 'Basic realm="Lockstep hooks", charset="UTF-8"');
    answerEarly(request, response, 401, 'unauthorized', 'The signature is not valid for this address.');
  };
}

function answerEarly(request: Request, response: Response, status: number, code: string, message: string): void {
  if (status === 503) response.set('Retry-After', '5');
  if (wantsText(request)) answerAndClose(request, response, status, 'text/plain', `${message}\n`);
  else answerAndClose(request, response, status, 'application/json', JSON.stringify({ error: { code, message } }));
}

/** Headers that were sent twice are joined by Node (`a, b`), which no well-formed header of ours looks like. */
const headersOf = (request: Request): Record<string, string | undefined> => request.headers as Record<string, string | undefined>;
