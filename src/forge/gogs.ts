// Gogs. https://gogs.io/docs/features/webhook
import { giteaSettings } from './gitea.ts';
import { hexProof } from './proof.ts';
import type { Provider } from './provider.ts';
import { readPushPayload } from './push-payload.ts';

export const gogs: Provider = {
  forge: 'gogs',
  title: 'Gogs',
  proof: (headers) => hexProof(headers['x-gogs-signature'], '', true),
  idOf: (headers) => headers['x-gogs-delivery'] ?? null,
  read: (headers, payload) => readPushPayload('Gogs', headers['x-gogs-event'], payload),
  settings: (url, secret) => giteaSettings('Gogs', url, secret),
};
