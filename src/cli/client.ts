// HTTP to the daemon: one request, its time limit, and what goes wrong told so that an operator knows what to do.
import { chunks, wholeText } from './body.ts';
import { ApiFailure, CommandFailure, EXIT } from './failure.ts';
import type { Token } from './settings.ts';

/** Quick questions are answered from memory; requests that make the daemon ask a repository take longer. */
const READ_MS = 15_000;
export const SLOW_MS = 180_000;

export type Client = {
  readonly url: string;
  /** The JSON answer. Rejects with CommandFailure (exit 3: no answer) or ApiFailure (exit 1: an error was answered). */
  request(method: 'GET' | 'POST', path: string, options?: { body?: unknown; limitMs?: number; signal?: AbortSignal }): Promise<unknown>;
  /** A stream of bytes; the time limit is for its beginning only. Rejects like `request`, also in the middle of the stream. */
  open(
    path: string,
    options: { accept: string; headers?: Record<string, string>; signal: AbortSignal },
  ): Promise<AsyncIterable<Uint8Array>>;
};

/** `signal`: Ctrl-C; ends every request with an interruption. */
export function createClient(url: string, readToken: () => Promise<Token>, signal: AbortSignal): Client {
  let token: Promise<Token> | undefined;

  async function send(path: string, init: RequestInit, limit: AbortSignal, ended: AbortSignal): Promise<Response> {
    const known = await (token ??= readToken());
    const headers = new Headers(init.headers);
    if (known.token !== null) headers.set('authorization', `Bearer ${known.token}`);
    const what = `${init.method ?? 'GET'} ${path}`;
    const either = AbortSignal.any([limit, ended]);
    let response: Response;
    try {
      // A redirect could carry the token to somebody else; the API never sends one.
      response = await fetch(url + path, { ...init, headers, redirect: 'manual', signal: either });
    } catch (error) {
      throw ended.aborted ? interrupted() : noAnswer(url, what, error, init.method === 'POST');
    }
    if (!response.ok) throw await errorAnswer(response, url, what, known, either);
    return response;
  }

  return {
    url,
    async request(method, path, { body, limitMs = READ_MS, signal: more } = {}) {
      const ended = more === undefined ? signal : AbortSignal.any([signal, more]);
      const limit = AbortSignal.timeout(limitMs);
      const init: RequestInit = { method, headers: { accept: 'application/json' } };
      if (body !== undefined) {
        init.headers = { accept: 'application/json', 'content-type': 'application/json' };
        init.body = JSON.stringify(body);
      }
      const response = await send(path, init, limit, ended);
      try {
        return JSON.parse(await wholeText(response, AbortSignal.any([limit, ended]))) as unknown;
      } catch (error) {
        if (ended.aborted) throw interrupted();
        if (!(error instanceof SyntaxError)) throw noAnswer(url, `${method} ${path}`, error, method === 'POST');
        throw new CommandFailure(
          'bad-answer',
          EXIT.failed,
          `${method} ${path} at ${url} was answered with something that is not JSON. Is it really a Lockstep daemon that listens there? Another address: --url or LOCKSTEP_URL`,
        );
      }
    },
    async open(path, { accept, headers = {}, signal: more }) {
      const ended = AbortSignal.any([signal, more]);
      const starting = new AbortController();
      const timer = setTimeout(() => starting.abort(new DOMException('no answer in time', 'TimeoutError')), READ_MS);
      try {
        const response = await send(path, { headers: { ...headers, accept } }, starting.signal, ended);
        return streamOf(response, url, path, ended);
      } finally {
        clearTimeout(timer);
      }
    },
  };
}

export const interrupted = (): CommandFailure => new CommandFailure('interrupted', EXIT.interrupted, 'Interrupted.');

async function* streamOf(response: Response, url: string, path: string, ended: AbortSignal): AsyncGenerator<Uint8Array> {
  try {
    yield* chunks(response, ended);
  } catch (error) {
    throw ended.aborted ? interrupted() : noAnswer(url, `GET ${path}`, error, false);
  }
}

/** Nothing (or not all of it) came back: exit 3. */
function noAnswer(url: string, what: string, error: unknown, isChange: boolean): CommandFailure {
  const unsure = isChange ? ' The request may have been taken all the same; look: lockstep status' : '';
  if ((error as Cause).name === 'TimeoutError') {
    return unreachable(`The daemon at ${url} did not answer ${what} in time. Its log may say why.${unsure}`, error);
  }
  const { code, message } = rootOf(error);
  if (code === 'ECONNREFUSED') {
    return unreachable(`No daemon answers at ${url}. Start one: lockstep daemon. Another address: --url or LOCKSTEP_URL`, error);
  }
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    return unreachable(`No daemon answers at ${url}: its name cannot be resolved (${code}). Another address: --url or LOCKSTEP_URL`, error);
  }
  if (code === 'ECONNRESET' || code === 'UND_ERR_SOCKET' || code === 'EPIPE') {
    return unreachable(`The connection to ${url} broke during ${what} (${code}). Does the daemon still run?${unsure}`, error);
  }
  return unreachable(`No answer from ${url} to ${what}: ${message}. Another address: --url or LOCKSTEP_URL`, error);
}

const unreachable = (message: string, cause: unknown): CommandFailure =>
  new CommandFailure('unreachable', EXIT.unreachable, message, cause);

type Cause = { name?: unknown; code?: unknown; message?: unknown; cause?: unknown; errors?: unknown };

/** fetch says only "fetch failed"; the reason is its cause, or the first of several addresses' causes. */
function rootOf(error: unknown): { code: string | undefined; message: string } {
  let at = error as Cause;
  for (let depth = 0; depth < 5; depth++) {
    const inner: unknown = Array.isArray(at.errors) ? at.errors[0] : at.cause;
    if (typeof inner !== 'object' || inner === null) break;
    at = inner;
  }
  const code = typeof at.code === 'string' ? at.code : undefined;
  return { code, message: typeof at.message === 'string' && at.message !== '' ? at.message : (code ?? 'no reason was given') };
}

async function errorAnswer(response: Response, url: string, what: string, token: Token, signal: AbortSignal): Promise<CommandFailure> {
  const told = await errorIn(response, signal);
  const { status } = response;
  if (status === 401) {
    const used =
      token.token === null ? `no token was sent, because there is none at ${token.source}` : `the token of ${token.source} was sent`;
    const todo = "Point --data or LOCKSTEP_DATA to the daemon's data directory, or put its token into LOCKSTEP_TOKEN.";
    return new ApiFailure(told?.code ?? 'unauthorized', status, `The daemon at ${url} refuses the request: ${used}. ${todo}`);
  }
  if (told !== null) return new ApiFailure(told.code, status, told.message);
  if (status >= 502 && status <= 504) {
    return unreachable(
      `Something in front of the daemon at ${url} answered ${what} with ${status}: the daemon does not run or does not answer.`,
      null,
    );
  }
  return new ApiFailure(
    'bad-answer',
    status,
    `${what} at ${url} was answered with ${status} ${response.statusText}, without a reason. Is it really a Lockstep daemon (of this version) that listens there?`,
  );
}

/** `{error: {code, message}}` of the contract; `null`: it is not that. */
async function errorIn(response: Response, signal: AbortSignal): Promise<{ code: string; message: string } | null> {
  try {
    const { error } = JSON.parse(await wholeText(response, signal)) as { error?: { code?: unknown; message?: unknown } };
    if (typeof error?.message !== 'string') return null;
    return { code: typeof error.code === 'string' ? error.code : 'failed', message: error.message };
  } catch {
    return null;
  }
}
