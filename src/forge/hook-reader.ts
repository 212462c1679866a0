// The notices that the HTTP door takes: authenticated and read in one place, whoever sent them.
import type { HookHeaders, HookReader } from '../core/hook.ts';
import { parseHook } from './hook.ts';
import { isSigned, verifyStandardWebhook } from './standard-webhook.ts';
import type { SignedNotice } from './standard-webhook.ts';

export const hookReader: HookReader = {
  isPlausible: (headers) => isSigned(signatureOf(headers)),
  isAuthentic: (headers, body, secrets, now) => verifyStandardWebhook({ ...signatureOf(headers), body, secrets, now }),
  read: (repository, headers, body) => parseHook(repository, signatureOf(headers).id ?? '', body),
};

const signatureOf = (headers: HookHeaders): SignedNotice => ({
  id: headers['webhook-id'],
  timestamp: headers['webhook-timestamp'],
  signature: headers['webhook-signature'],
});
