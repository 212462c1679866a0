// DingTalk: custom robots, signed with timestamp and secret. https://open.dingtalk.com/document/robots/customize-robot-security-settings
import { createHmac } from 'node:crypto';
import { asItIs } from '../text.ts';
import { Undelivered } from '../undelivered.ts';
import { asJson, fieldOf } from './chat.ts';
import type { Chat } from './chat.ts';

/** More than 20 messages in a minute, and the robot is silent for ten. */
const SENT_TOO_FAST = 130101;
const SILENCE_MS = 10 * 60_000;

export const dingtalk: Chat = {
  escape: asItIs,
  most: 18_000,
  write(text, { url, secret, now }) {
    const address = new URL(url);
    if (secret !== null) {
      address.searchParams.set('timestamp', String(now));
      address.searchParams.set('sign', dingtalkSign(secret, now));
    }
    return asJson(address.href, { msgtype: 'text', text: { content: text } });
  },
  refusal(answer) {
    const code = fieldOf(answer, 'errcode');
    if (code === 0) return null;
    return new Undelivered(`DingTalk answered errcode ${String(code)}`, {
      isFinal: code !== SENT_TOO_FAST && code !== -1,
      retryAfterMs: code === SENT_TOO_FAST ? SILENCE_MS : null,
    });
  },
};

/** Base64; as part of a URL it is percent-encoded. `now`: milliseconds. */
export const dingtalkSign = (secret: string, now: number): string =>
  createHmac('sha256', secret).update(`${now}\n${secret}`).digest('base64');
