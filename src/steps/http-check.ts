// One HTTP check of the configuration: asked until the answer is right or the time is over.
import { request as requestHttp } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { request as requestHttps } from 'node:https';
import { DeployError } from '../core/errors.ts';
import type { HttpCheck } from '../core/cluster.ts';

/** What `{…}` stands for in a check's texts. */
export type CheckValues = Readonly<Record<'host' | 'server' | 'release' | 'revision', string>>;

type Answer = { readonly status: number; readonly headers: IncomingMessage['headers']; readonly body: string; readonly ms: number };

/** How much of an answer is looked at. */
const LONGEST_BODY = 1024 * 1024;
/** How much of a bad answer is kept for the record. */
const KEPT = 4_000;
const PAUSE_MS = 250;

/** Asks `times` times in a row. Rejects with `verification`, and the body as detail. `where`: who is asked, for the message. */
export async function checkHttp(
  check: HttpCheck,
  values: CheckValues,
  where: string,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<void> {
  for (let round = 0; round < check.times; round++) await askUntilRight(check, values, where, timeoutMs, signal);
}

/** An application may need a moment to come up. */
async function askUntilRight(check: HttpCheck, values: CheckValues, where: string, timeoutMs: number, signal: AbortSignal): Promise<void> {
  const url = filled(check.url, values, encodeURIComponent);
  const until = Date.now() + timeoutMs;
  for (;;) {
    const { problem, body } = await tryOnce(check, url, values, Math.max(1, until - Date.now()), signal);
    if (problem === null) return;
    if (signal.aborted || Date.now() + PAUSE_MS >= until) {
      throw new DeployError('verification', `verification of ${where} failed: ${url} ${problem}`, body.slice(0, KEPT));
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}

async function tryOnce(
  check: HttpCheck,
  url: string,
  values: CheckValues,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<{ problem: string | null; body: string }> {
  const address = check.address === null ? null : filled(check.address, values, String);
  try {
    const answer = await ask(url, address, AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]));
    return { problem: problemOf(answer, check, values), body: answer.body };
  } catch (error) {
    const reason =
      error instanceof Error && error.name === 'TimeoutError' ? `no answer within ${Math.ceil(timeoutMs / 1000)} s` : messageOf(error);
    return { problem: `could not be fetched: ${reason}`, body: '' };
  }
}

/** `null`: the answer is as it should be. */
function problemOf(answer: Answer, check: HttpCheck, values: CheckValues): string | null {
  if (answer.status !== check.status) return `answered ${answer.status}, expected ${check.status}`;
  for (const [name, text] of Object.entries(check.headers)) {
    const wanted = filled(text, values, String);
    const got = String(answer.headers[name] ?? '');
    if (!got.includes(wanted)) return `answered with header ${name}: ${got === '' ? '(none)' : got.slice(0, 100)}, expected ${wanted}`;
  }
  const body = check.body === null ? null : filled(check.body, values, String);
  if (body !== null && !answer.body.includes(body)) return `answered with a body that does not hold ${JSON.stringify(body)}`;
  if (check.latencyMs !== null && answer.ms > check.latencyMs)
    return `took ${Math.round(answer.ms)} ms, at most ${check.latencyMs} ms are allowed`;
  return null;
}

function ask(url: string, address: string | null, signal: AbortSignal): Promise<Answer> {
  const target = new URL(url);
  const via = address === null ? null : new URL(`${target.protocol}//${address}`);
  const begun = performance.now();
  return new Promise((resolve, reject) => {
    const request = (target.protocol === 'https:' ? requestHttps : requestHttp)(
      {
        host: (via ?? target).hostname.replace(/^\[(.*)\]$/, '$1'),
        port: (via ?? target).port || (target.protocol === 'https:' ? 443 : 80),
        path: `${target.pathname}${target.search}`,
        headers: { host: target.host, 'user-agent': 'Lockstep', connection: 'close' },
        // The certificate must be the site's, whatever address answers for it. An address has no server name (RFC 6066).
        ...(/^[\d.]+$|:/.test(target.hostname) ? {} : { servername: target.hostname }),
        agent: false,
        signal,
      },
      (response) => {
        readBody(response).then(
          (body) => resolve({ status: response.statusCode ?? 0, headers: response.headers, body, ms: performance.now() - begun }),
          reject,
        );
      },
    );
    request.on('error', (error) => reject(signal.aborted && signal.reason instanceof Error ? signal.reason : error));
    request.end();
  });
}

/** The body, without the rest of an endless one. */
async function readBody(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response) {
    chunks.push(chunk as Buffer);
    size += (chunk as Buffer).length;
    if (size >= LONGEST_BODY) break;
  }
  return Buffer.concat(chunks).subarray(0, LONGEST_BODY).toString('utf8');
}

const filled = (text: string, values: CheckValues, encode: (value: string) => string): string =>
  text.replaceAll('{host}', values.host).replaceAll(/\{(server|release|revision)\}/g, (_, name: keyof CheckValues) => encode(values[name]));

/** Node's errors for several addresses have no message of their own. */
function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors[0] instanceof Error) return error.errors[0].message;
  return error instanceof Error ? error.message : String(error);
}
