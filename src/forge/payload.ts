// From the bytes of a body to its JSON object, also when it came as the field of a form.
import { DeployError } from '../core/errors.ts';
import type { HookHeaders } from '../core/hook.ts';

/** Without prototype, so that a key such as `constructor` is only there if it was sent. */
export type Payload = Readonly<Record<string, unknown>>;

/** Throws DeployError `refused` when there is no JSON object. `remedy`: what the operator should look at. */
export function payloadOf(headers: HookHeaders, body: Uint8Array, remedy: string): Payload {
  const text = payloadText(headers, body);
  if (text === null) throw malformed('it is a form without a field "payload"', remedy);
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw malformed('it is not JSON', remedy, error);
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) throw malformed('it is not a JSON object', remedy);
  return Object.assign(Object.create(null) as Record<string, unknown>, parsed);
}

/**
 * The JSON text of a body; of a form, the value of `payload` (Gitee's older webhooks: `hook`), `null` if it has none. A ref that is not
 * UTF-8 gets replacement characters: it names no branch of ours, and the other refs of the push still count.
 */
export function payloadText(headers: HookHeaders, body: Uint8Array): string | null {
  const text = new TextDecoder().decode(body);
  if (!isForm(headers)) return text;
  const form = new URLSearchParams(text);
  return form.get('payload') ?? form.get('hook');
}

export const isForm = (headers: HookHeaders): boolean => /^application\/x-www-form-urlencoded\b/i.test(headers['content-type'] ?? '');

export const malformed = (why: string, remedy: string, cause?: unknown): DeployError =>
  new DeployError('refused', `The notice cannot be understood: ${why}. ${remedy}`, null, cause);
