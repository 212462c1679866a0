// The API under /api/v1, as the page asks it.
import type { Accepted } from '../../core/application.ts';
import { takeAnswer } from './answers.ts';
import { isSignedOut } from './session.ts';

/** An answer that is not 2xx. `status` 0: there was no answer. The message is for people. */
export class ApiFailure extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.name = 'ApiFailure';
    this.status = status;
    this.code = code;
  }
}

/** `path` comes after `/api/v1/`. Rejects with ApiFailure. */
export async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  const ready = takeAnswer(path);
  if (ready !== undefined) return ready as T;
  const response = await ask(path, { ...(signal === undefined ? {} : { signal }) });
  return (await response.json()) as T;
}

/** Asks for a change; resolves with the sentence that the daemon answers. Rejects with ApiFailure. */
export async function post<T = Accepted>(path: string, body: Readonly<Record<string, unknown>> = {}): Promise<T> {
  const response = await ask(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return (await response.json()) as T;
}

/** Any answer that is 2xx. A 401 signs out. */
export async function ask(path: string, init: RequestInit = {}): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(`/api/v1/${path}`, init);
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw new ApiFailure(0, 'unreachable', 'The daemon does not answer. The page goes on as soon as it does.');
  }
  if (response.ok) return response;
  if (response.status === 401) isSignedOut.value = true;
  throw await failureOf(response);
}

async function failureOf(response: Response): Promise<ApiFailure> {
  const body = (await response.json().catch(() => null)) as { error?: { code?: string; message?: string } } | null;
  const message = body?.error?.message ?? `The daemon answered with status ${response.status}.`;
  return new ApiFailure(response.status, body?.error?.code ?? 'unknown', message);
}

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
