// Bitbucket Cloud. https://support.atlassian.com/bitbucket-cloud/docs/event-payloads/
import { at, listAt, textAt } from './fields.ts';
import { changedRefs, personIn } from './names.ts';
import type { RefUpdate } from './names.ts';
import { hexProof } from './proof.ts';
import type { Provider } from './provider.ts';
import { ignored, urlsAt } from './provider.ts';

export const bitbucketCloud: Provider = {
  forge: 'bitbucket-cloud',
  title: 'Bitbucket Cloud',
  // SHA-256 under the name that GitHub uses for SHA-1. X-Hook-UUID is an identifier, and proves nothing.
  proof: (headers) => hexProof(headers['x-hub-signature'], 'sha256='),
  // The same at each attempt.
  idOf: (headers) => headers['x-request-uuid'] ?? null,
  read(headers, payload) {
    const event = headers['x-event-key'];
    const actor = personIn(at(payload, 'actor', 'nickname'), at(payload, 'actor', 'display_name'));
    if (event !== 'repo:push') return ignored('Bitbucket', event, actor);
    const name = textAt(payload, 'repository', 'full_name');
    const about = [
      ...urlsAt(payload, ['repository', 'links', 'html', 'href']),
      ...(name === null ? [] : urlsAt({ url: `https://bitbucket.org/${name}.git` }, ['url'])),
    ];
    return { kind: 'push', refs: changedRefs(listAt(payload, 'push', 'changes').map(updateIn)), actor, about };
  },
  settings: (url, secret) => [
    'Repository settings → Webhooks → Add webhook',
    `URL: ${url}`,
    `Secret: ${secret}`,
    'Triggers: repository push',
    'Bitbucket drops deliveries of more than 256 KB: those pushes are found by the poll.',
  ],
};

/** `new` is null when the ref was deleted, `old` when it was created. */
function updateIn(change: unknown): RefUpdate {
  const now = at(change, 'new');
  const deleted = typeof now !== 'object' || now === null;
  const place = deleted ? at(change, 'old') : now;
  const name = textAt(place, 'name');
  return { ref: name !== null && at(place, 'type') === 'tag' ? `refs/tags/${name}` : name, deleted, revision: at(now, 'target', 'hash') };
}
