// One HTTP request to somebody outside: to a checked address, never redirected, limited in time and size.
import { request as requestHttp } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { request as requestHttps } from 'node:https';
import { isListedAddress } from './address.ts';
import { allowedAddresses, fixedLookup } from './resolve.ts';
import type { Resolve } from './resolve.ts';
import { Undelivered } from './undelivered.ts';

export type Outgoing = {
  readonly method?: 'GET' | 'POST' | 'PUT';
  /** May hold a secret: no message repeats more of it than its host. */
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
};

/** `body`: at most 64 KiB of it. */
export type Answer = { readonly status: number; readonly headers: IncomingMessage['headers']; readonly body: string };

/** Sends; resolves with any answer that is not a redirect. Rejects with Undelivered. */
export type Send = (outgoing: Outgoing, signal: AbortSignal) => Promise<Answer>;

const TIME_LIMIT_MS = 15_000;
const LARGEST_ANSWER = 64 * 1024;

/** `allow`: networks that may be reached although they are not public. `resolve` takes the place of the machine's resolver. */
export function createSend(allow: () => readonly string[], resolve?: Resolve): Send {
  return async (outgoing, signal) => {
    const url = parsed(outgoing.url);
    const limited = AbortSignal.any([signal, AbortSignal.timeout(TIME_LIMIT_MS)]);
    const addresses = await within(allowedAddresses(url.hostname, allow(), resolve), url.host, limited);
    if (url.protocol === 'http:' && !addresses.every(({ address }) => isListedAddress(address, allow()))) {
      throw new Undelivered(`${url.host} is not asked over plain http: take https, or add its network to "notices.allow"`, {
        isFinal: true,
      });
    }
    const answer = await exchange(url, outgoing, fixedLookup(addresses), limited);
    if (answer.status >= 300 && answer.status < 400) {
      throw new Undelivered(`${url.host} answered ${answer.status}: redirects are not followed`, { isFinal: true });
    }
    return answer;
  };
}

function parsed(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:')) {
    throw new Undelivered('its URL is not an https:// URL', { isFinal: true });
  }
  if (url.username !== '' || url.password !== '') throw new Undelivered('its URL holds an account or a password', { isFinal: true });
  return url;
}

function exchange(
  url: URL,
  { method = 'POST', headers, body }: Outgoing,
  lookup: ReturnType<typeof fixedLookup>,
  signal: AbortSignal,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => reject(failure(url.host, error, signal));
    const request = (url.protocol === 'https:' ? requestHttps : requestHttp)(
      url,
      {
        method,
        // No connection is shared or kept: the next request checks its addresses anew.
        agent: false,
        lookup,
        signal,
        headers: {
          'user-agent': 'Lockstep',
          ...(body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }),
          ...headers,
        },
      },
      (response) => {
        const pieces: Buffer[] = [];
        let size = 0;
        const done = (): void =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: Buffer.concat(pieces).toString('utf8', 0, LARGEST_ANSWER),
          });
        response.on('data', (piece: Buffer) => {
          pieces.push(piece);
          size += piece.length;
          if (size < LARGEST_ANSWER) return;
          // Nobody has so much to say.
          done();
          request.destroy();
        });
        response.on('end', done);
        response.on('error', fail);
      },
    );
    request.on('error', fail);
    request.end(body);
  });
}

function failure(host: string, error: Error, signal: AbortSignal): Undelivered {
  if (signal.aborted) return new Undelivered(`${host} did not answer within ${TIME_LIMIT_MS / 1000} s`);
  const { code } = error as NodeJS.ErrnoException;
  return new Undelivered(`${host}: ${code ?? error.message}`);
}

async function within<T>(work: Promise<T>, host: string, signal: AbortSignal): Promise<T> {
  let stop: () => void = () => undefined;
  const late = new Promise<never>((_, reject) => {
    stop = (): void => reject(failure(host, new Error('stopped'), signal));
    signal.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

/** An answer that says no. 4xx means that it was understood and will be refused again, except where it says to come back later. */
export function refusalOf(answer: Answer, host: string): Undelivered | null {
  if (answer.status >= 200 && answer.status < 300) return null;
  const isFinal = answer.status >= 400 && answer.status < 500 && ![408, 409, 425, 429].includes(answer.status);
  return new Undelivered(`${host} answered ${answer.status}`, { isFinal, retryAfterMs: retryAfter(answer) });
}

/** Seconds or a date (RFC 9110, 10.2.3). */
function retryAfter({ headers }: Answer): number | null {
  const text = headers['retry-after'];
  if (text === undefined) return null;
  const ms = /^\d{1,6}$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.now();
  return Number.isFinite(ms) && ms > 0 ? Math.round(ms) : null;
}

export const hostOf = (url: string): string => (URL.canParse(url) ? new URL(url).host : 'the target');
