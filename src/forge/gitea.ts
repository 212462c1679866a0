// Gitea. https://docs.gitea.com/usage/webhooks
import { hexProof } from './proof.ts';
import type { Provider } from './provider.ts';
import { readPushPayload } from './push-payload.ts';

export const gitea: Provider = {
  forge: 'gitea',
  title: 'Gitea',
  // Over the JSON, which in a form is only a part of the body. Without a secret the header is sent all the same, empty.
  proof: (headers) => hexProof(headers['x-gitea-signature'], '', true),
  idOf: (headers) => headers['x-gitea-delivery'] ?? null,
  read: (headers, payload) => readPushPayload('Gitea', headers['x-gitea-event'], payload),
  settings: (url, secret) => giteaSettings('Gitea', url, secret),
};

/** Forgejo's and Gogs' pages are the same. */
export const giteaSettings = (title: string, url: string, secret: string): readonly string[] => [
  `Repository → Settings → Webhooks → Add webhook → ${title}`,
  `Target URL: ${url}`,
  'HTTP method: POST',
  'POST content type: application/json',
  `Secret: ${secret}`,
  'Trigger on: push events',
];
