// Telegram: sendMessage of a bot. https://core.telegram.org/bots/api#sendmessage
import { escapeHtml } from '../text.ts';
import { Undelivered } from '../undelivered.ts';
import type { Answer, Outgoing } from '../outgoing.ts';
import { asJson, fieldOf } from './chat.ts';

/** 4096 characters at most, after entities are parsed. */
export const TELEGRAM_MOST = 4_000;

export const telegramEscape = escapeHtml;

export function telegramMessage(text: string, api: string, token: string, chat: string): Outgoing {
  const message = { chat_id: chat, text, parse_mode: 'HTML', link_preview_options: { is_disabled: true } };
  return asJson(`${api}/bot${encodeURIComponent(token).replaceAll('%3A', ':')}/sendMessage`, message);
}

/** With 429 the body says how long to wait, in seconds. */
export function telegramRefusal(answer: Answer): Undelivered | null {
  if (answer.status === 429) {
    const { retry_after: seconds } = (fieldOf(answer, 'parameters') ?? {}) as { retry_after?: unknown };
    return new Undelivered('Telegram answered 429', { retryAfterMs: typeof seconds === 'number' ? Math.ceil(seconds * 1000) : null });
  }
  if (answer.status >= 300 || fieldOf(answer, 'ok') === true) return null;
  return new Undelivered('Telegram did not say that it took the message');
}
