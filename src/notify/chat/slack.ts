// Slack: incoming webhooks. https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
import { asJson } from './chat.ts';
import type { Chat } from './chat.ts';

export const slack: Chat = {
  // These three are all that mrkdwn gives a meaning which a value could abuse: <!channel>, <https://…|text>.
  escape: (value) => value.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;'),
  most: 12_000,
  write: (text, { url }) => asJson(url, { text, unfurl_links: false, unfurl_media: false }),
  refusal: () => null,
};
