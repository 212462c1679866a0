// Microsoft Teams: a workflow "when a Teams webhook request is received", which takes Adaptive Cards only.
// https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using
import { asJson } from './chat.ts';
import type { Chat } from './chat.ts';

export const teams: Chat = {
  // A TextBlock understands a part of Markdown. An URL must stay one.
  escape: (value) => (/^https:\/\/[^\s()[\]*_]+$/.test(value) ? value : value.replace(/[\\`*_[\]()<>#~|!]/g, '\\$&')),
  most: 20_000,
  write: (text, { url }) =>
    asJson(url, {
      type: 'message',
      attachments: [
        {
          contentType: 'application/vnd.microsoft.card.adaptive',
          contentUrl: null,
          content: {
            $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
            type: 'AdaptiveCard',
            version: '1.4',
            msteams: { width: 'Full' },
            body: text
              .split('\n')
              .map((line, i) => ({ type: 'TextBlock', text: line, wrap: true, ...(i === 0 ? { weight: 'Bolder' } : {}) })),
          },
        },
      ],
    }),
  refusal: () => null,
};
