// GitLab. https://docs.gitlab.com/user/project/integrations/webhook_events/
import { at, listAt, textAt } from './fields.ts';
import { changedRefs, isNothing, personIn } from './names.ts';
import type { RefUpdate } from './names.ts';
import type { Payload } from './payload.ts';
import { textKey, tokenProof } from './proof.ts';
import type { Provider, Reading } from './provider.ts';
import { ignored, urlsAt } from './provider.ts';
import { keyOf, standardProof } from './standard-webhook.ts';

export const gitlab: Provider = {
  forge: 'gitlab',
  title: 'GitLab',
  /**
   * The signing token (Standard Webhooks) where there is one: a wrong signature is not made good by the secret token beside it. Its key may
   * be the text of the secret or the bytes that this encodes.
   */
  proof: (headers) =>
    headers['webhook-signature'] === undefined
      ? tokenProof(headers['x-gitlab-token'])
      : standardProof(headers, (secret) => [...textKey(secret), ...[keyOf(secret)].filter((key) => key !== null)]),
  // The same at each attempt. X-Gitlab-Event-UUID is shared by hooks that set off each other, and X-Gitlab-Webhook-UUID is always new.
  idOf: (headers) => headers['idempotency-key'] ?? headers['webhook-id'] ?? headers['x-gitlab-webhook-uuid'] ?? null,
  read: (headers, payload) => read(headers['x-gitlab-event'], payload),
  settings: (url, secret) => [
    'Project → Settings → Webhooks → Add new webhook',
    `URL: ${url}`,
    `Secret token (or Signing token, where there is that field): ${secret}`,
    'Trigger: Push events',
    'GitLab sends nothing for a push of more than three branches (push_event_hooks_limit): those are found by the poll.',
  ],
};

/** System hooks name their event in the payload only; they tell all refs of a push in one `repository_update`. */
function read(event: string | undefined, payload: Payload): Reading {
  const actor = personIn(at(payload, 'user_username'), at(payload, 'user_name'), at(payload, 'user', 'username'));
  const kind = textAt(payload, 'object_kind') ?? textAt(payload, 'event_name') ?? event;
  const about = urlsAt(
    payload,
    ['project', 'git_http_url'],
    ['project', 'git_ssh_url'],
    ['project', 'web_url'],
    ['repository', 'git_http_url'],
    ['repository', 'git_ssh_url'],
  );
  switch (kind) {
    case 'push':
    case 'tag_push':
    case 'Push Hook':
    case 'Tag Push Hook':
      return { kind: 'push', refs: changedRefs([updateIn(payload)]), actor, about };
    case 'repository_update':
      return { kind: 'push', refs: changedRefs(listAt(payload, 'changes').map(updateIn)), actor, about };
    default:
      return ignored('GitLab', kind, actor);
  }
}

const updateIn = (value: unknown): RefUpdate => ({
  ref: textAt(value, 'ref'),
  deleted: isNothing(at(value, 'after')),
  revision: at(value, 'after'),
});
