// GitHub. https://docs.github.com/en/webhooks/webhook-events-and-payloads
import { hexProof } from './proof.ts';
import type { Provider } from './provider.ts';
import { readPushPayload } from './push-payload.ts';

export const github: Provider = {
  forge: 'github',
  title: 'GitHub',
  // Over the body as it was sent, also when that is a form. The older X-Hub-Signature (SHA-1) is not looked at.
  proof: (headers) => hexProof(headers['x-hub-signature-256'], 'sha256='),
  idOf: (headers) => headers['x-github-delivery'] ?? null,
  read: (headers, payload) => readPushPayload('GitHub', headers['x-github-event'], payload),
  settings: (url, secret) => [
    'Repository → Settings → Webhooks → Add webhook',
    `Payload URL: ${url}`,
    'Content type: application/json',
    `Secret: ${secret}`,
    'Which events: just the push event',
  ],
};
