// Azure DevOps service hooks. https://learn.microsoft.com/en-us/azure/devops/service-hooks/events#git.push
import { at, listAt, textAt } from './fields.ts';
import { changedRefs, isNothing, personIn } from './names.ts';
import type { RefUpdate } from './names.ts';
import { malformed } from './payload.ts';
import { basicProof } from './proof.ts';
import type { Provider } from './provider.ts';
import { ignored, urlsAt } from './provider.ts';

export const azureDevOps: Provider = {
  forge: 'azure-devops',
  title: 'Azure DevOps',
  // It signs nothing; the password of the subscription is the secret.
  proof: basicProof,
  idOf: (_headers, payload) => textAt(payload, 'id'),
  read(_headers, payload) {
    const event = textAt(payload, 'eventType');
    if (event === null) throw malformed('it has no "eventType"', 'Is the service hook one of Azure DevOps?');
    const actor = personIn(at(payload, 'resource', 'pushedBy', 'uniqueName'), at(payload, 'resource', 'pushedBy', 'displayName'));
    if (event !== 'git.push') return ignored('Azure DevOps', event, actor);
    // With "resource details to send: minimal" or "none" there are no refs.
    const refs = changedRefs(listAt(payload, 'resource', 'refUpdates').map(updateIn));
    const about = urlsAt(payload, ['resource', 'repository', 'remoteUrl'], ['resource', 'repository', 'sshUrl']);
    return { kind: 'push', refs, actor, about };
  },
  settings: (url, secret) => [
    'Project settings → Service hooks → Create subscription → Web Hooks',
    'Trigger: Code pushed; choose the repository',
    `URL: ${url}`,
    'Basic authentication username: lockstep',
    `Basic authentication password: ${secret}`,
    'Resource details to send: All',
  ],
};

const updateIn = (update: unknown): RefUpdate => ({
  ref: textAt(update, 'name'),
  deleted: isNothing(at(update, 'newObjectId')),
  revision: at(update, 'newObjectId'),
});
