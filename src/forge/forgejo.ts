// Forgejo. https://forgejo.org/docs/latest/user/webhooks/
import { giteaSettings } from './gitea.ts';
import { hexProof } from './proof.ts';
import type { Provider } from './provider.ts';
import { readPushPayload } from './push-payload.ts';

export const forgejo: Provider = {
  forge: 'forgejo',
  title: 'Forgejo',
  // It sends Gitea's headers too; a wrong or empty signature of its own is not made good by theirs. The oldest versions had only those.
  proof: (headers) => hexProof(headers['x-forgejo-signature'] ?? headers['x-gitea-signature'], '', true),
  idOf: (headers) => headers['x-forgejo-delivery'] ?? headers['x-gitea-delivery'] ?? null,
  read: (headers, payload) => readPushPayload('Forgejo', headers['x-forgejo-event'] ?? headers['x-gitea-event'], payload),
  settings: (url, secret) => giteaSettings('Forgejo', url, secret),
};
