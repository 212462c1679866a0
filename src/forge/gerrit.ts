// Gerrit's plugin webhooks, whose events are those of stream-events. https://gerrit-review.googlesource.com/Documentation/cmd-stream-events.html
import { at, listAt, textAt } from './fields.ts';
import { changedRefs, isNothing, personIn } from './names.ts';
import type { RefUpdate } from './names.ts';
import { malformed } from './payload.ts';
import { basicProof } from './proof.ts';
import type { Provider } from './provider.ts';
import { ignored } from './provider.ts';

export const gerrit: Provider = {
  forge: 'gerrit',
  title: 'Gerrit',
  // It signs nothing; the password in the URL of the remote is the secret.
  proof: basicProof,
  idOf: () => null,
  read(_headers, payload) {
    const event = textAt(payload, 'type');
    if (event === null) throw malformed('it has no "type"', "Does it come from Gerrit's plugin webhooks?");
    const actor = personIn(at(payload, 'submitter', 'username'), at(payload, 'submitter', 'name'), at(payload, 'submitter', 'email'));
    // Where the repository is, it does not say: only the project's name.
    switch (event) {
      case 'ref-updated':
        return { kind: 'push', refs: changedRefs([updateIn(at(payload, 'refUpdate'))]), actor, about: [] };
      case 'batch-ref-updated':
        return { kind: 'push', refs: changedRefs(listAt(payload, 'refUpdates').map(updateIn)), actor, about: [] };
      default:
        return ignored('Gerrit', event, actor);
    }
  },
  settings: (url, secret) => [
    'In the project’s refs/meta/config, file webhooks.config (plugin webhooks):',
    '[remote "lockstep"]',
    `  url = ${url.replace('://', `://lockstep:${encodeURIComponent(secret)}@`)}`,
    '  event = ref-updated',
    'Whoever may read refs/meta/config can read the secret there.',
  ],
};

/** Before Gerrit 2.12 the name of a branch was short; since then it is a full ref. */
const updateIn = (update: unknown): RefUpdate => ({
  ref: textAt(update, 'refName'),
  deleted: isNothing(at(update, 'newRev')),
  revision: at(update, 'newRev'),
});
