// Bitbucket Server and Data Center. https://confluence.atlassian.com/bitbucketserver/event-payload-938025882.html
import { at, listAt, textAt } from './fields.ts';
import { changedRefs, isNothing, personIn } from './names.ts';
import type { RefUpdate } from './names.ts';
import { basicProof, hexProof } from './proof.ts';
import type { Provider } from './provider.ts';
import { ignored, urlsAt } from './provider.ts';

export const bitbucketServer: Provider = {
  forge: 'bitbucket-server',
  title: 'Bitbucket Server',
  proof: (headers) => (headers['x-hub-signature'] === undefined ? basicProof(headers) : hexProof(headers['x-hub-signature'], 'sha256=')),
  idOf: (headers) => headers['x-request-id'] ?? null,
  read(headers, payload) {
    const event = headers['x-event-key'];
    const actor = personIn(at(payload, 'actor', 'name'), at(payload, 'actor', 'displayName'));
    if (event === 'diagnostics:ping') return { kind: 'ping' };
    // A mirror that has caught up tells the same list.
    if (event !== 'repo:refs_changed' && event !== 'mirror:repo_synchronized') return ignored('Bitbucket', event, actor);
    // Older versions send no links.
    const links = listAt(payload, 'repository', 'links', 'clone').map((_, i) => ['repository', 'links', 'clone', i, 'href']);
    const refs = changedRefs(listAt(payload, 'changes').map(updateIn));
    return { kind: 'push', refs, actor, about: urlsAt(payload, ...links.slice(0, 10)) };
  },
  settings: (url, secret) => [
    'Repository settings → Webhooks → Create webhook',
    `URL: ${url}`,
    `Secret: ${secret}`,
    'Events: Repository → Push',
  ],
};

function updateIn(change: unknown): RefUpdate {
  const ref = textAt(change, 'ref', 'id') ?? textAt(change, 'refId');
  const revision = at(change, 'toHash');
  return { ref, deleted: at(change, 'type') === 'DELETE' || isNothing(revision), revision };
}
