// verify: every server is asked over HTTP whether it is well. One that is not takes the whole cluster back.
import { DeployError } from '../core/errors.ts';
import type { Facts } from '../core/event.ts';
import type { Verification } from '../core/cluster.ts';
import type { ServerWork } from './perform.ts';

/** How much of a bad answer is kept for the record. */
const KEPT = 4_000;
const PAUSE_MS = 250;

export async function verify({ deployment, server, signal }: ServerWork): Promise<Facts> {
  const { verify: checks } = deployment.cluster;
  if (checks === null) return {};
  for (const template of checks.http) {
    const url = template.replaceAll('{host}', server.host).replaceAll('{server}', encodeURIComponent(server.name));
    await check(url, checks, server.name, signal);
  }
  return {};
}

/** Asks until the answer is right or the time is over: an application may need a moment to come up. */
async function check(url: string, { expect, timeoutMs }: Verification, server: string, signal: AbortSignal): Promise<void> {
  const until = Date.now() + timeoutMs;
  for (;;) {
    const answer = await ask(url, AbortSignal.any([signal, AbortSignal.timeout(Math.max(1, until - Date.now()))]));
    if (answer.status === expect) return;
    if (signal.aborted || Date.now() + PAUSE_MS >= until) {
      const what = answer.status === null ? answer.text : `answered ${answer.status}, expected ${expect}`;
      throw new DeployError('verification', `verification of ${server} failed: ${url} ${what}`, answer.text.slice(0, KEPT));
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}

async function ask(url: string, signal: AbortSignal): Promise<{ status: number | null; text: string }> {
  try {
    const response = await fetch(url, { signal, redirect: 'manual', headers: { 'user-agent': 'Lockstep' } });
    return { status: response.status, text: await head(response) };
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
    return { status: null, text: `could not be fetched: ${cause}` };
  }
}

/** The beginning of a body, without reading the rest of an endless one. */
async function head(response: Response): Promise<string> {
  if (response.body === null) return '';
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of response.body) {
    text += decoder.decode(chunk as Uint8Array, { stream: true });
    if (text.length >= KEPT) break;
  }
  return text.slice(0, KEPT);
}
