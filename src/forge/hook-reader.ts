// The notices that the HTTP door takes: authenticated and read in one place, whoever sent them.
import { createHash } from 'node:crypto';
import type { Forge } from '../core/forge.ts';
import type { Delivery, HookHeaders, HookReader } from '../core/hook.ts';
import type { Change } from '../core/repository.ts';
import { detectForge } from './detect.ts';
import { parseHook } from './hook.ts';
import { payloadOf } from './payload.ts';
import type { Payload } from './payload.ts';
import type { Proof } from './proof.ts';
import type { Provider } from './provider.ts';
import { PROVIDERS } from './providers.ts';
import { standardProof } from './standard-webhook.ts';
import { createWitness } from './witness.ts';

const ALL = Object.values(PROVIDERS);

export const hookReader: HookReader = {
  // The same for every address, so that nobody learns from it which forge a repository has, or whether there is one.
  isPlausible: (headers) => standardProof(headers) !== null || ALL.some((provider) => provider.proof(headers) !== null),
  mayBeLarge: (headers) => !isOurs(headers) && LONG_LISTS.some((provider) => provider.proof(headers) !== null),
  witness: (forge, headers, secrets, now) => createWitness(proofOf(forge, headers), headers, secrets, now),
  read(delivery) {
    const { repository, forge, headers, body } = delivery;
    if (forge === null || isOurs(headers)) return parseHook(repository, headers['webhook-id'] ?? '', body ?? new Uint8Array());
    return readForge(PROVIDERS[forge], delivery);
  },
  oddity(forge, headers) {
    const seen = detectForge(headers);
    if (seen === null || seen === forge) return null;
    const { title } = PROVIDERS[seen];
    return forge === null
      ? `it looks like a delivery of ${title}; for those the repository needs "forge": "${seen}" in the configuration`
      : `it looks like a delivery of ${title}, and the repository has "forge": "${forge}" in the configuration`;
  },
};

/** Those that sign the body or name a token, and tell hundreds of commits with all their files. */
const LONG_LISTS: readonly Provider[] = [PROVIDERS.github, PROVIDERS.gitlab, PROVIDERS.forgejo, PROVIDERS.gogs, PROVIDERS.gitee];

/** Our own hooks are always listened to. GitLab's signing token uses their headers, and its own beside them. */
const isOurs = (headers: HookHeaders): boolean => headers['webhook-signature'] !== undefined && headers['x-gitlab-event'] === undefined;

const proofOf = (forge: Forge | null, headers: HookHeaders): Proof | null =>
  forge === null || isOurs(headers) ? standardProof(headers) : PROVIDERS[forge].proof(headers);

const NOTHING = Object.create(null) as Payload;

function readForge(provider: Provider, { repository, headers, body, receivedAt }: Delivery): Change | { readonly ping: true } {
  const remedy = `Is the webhook set up as for ${provider.title}? See: lockstep hooks secret ${repository}`;
  const payload = body === null ? NOTHING : payloadOf(headers, body, remedy);
  const reading = provider.read(headers, payload);
  if (reading.kind === 'ping') return { ping: true };
  const delivery = deliveryId(provider.idOf(headers, payload), body, receivedAt);
  const change = { delivery, repository, refs: [], actor: reading.actor, source: provider.forge };
  if (reading.kind === 'ignored') return { ...change, ignored: reading.reason };
  const { refs, about } = reading;
  return about.length === 0 ? { ...change, refs } : { ...change, refs, about };
}

/**
 * A delivery that has no id of its own gets one of its content and time: the same content comes again when a branch goes to a commit for the
 * second time, and must be looked at again.
 */
function deliveryId(own: string | null, body: Uint8Array | null, receivedAt: number): string {
  if (own !== null && /^[!-~]{1,128}$/.test(own)) return own;
  const content = createHash('sha256').update(own ?? body ?? '');
  return own === null ? `${content.digest('hex').slice(0, 16)}-${receivedAt}` : content.digest('hex').slice(0, 32);
}
