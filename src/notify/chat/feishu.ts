// Feishu and Lark: custom bots. The signature's key is timestamp and secret, its message is empty.
// https://open.feishu.cn/document/client-docs/bot-v3/add-custom-bot
import { createHmac } from 'node:crypto';
import { Undelivered } from '../undelivered.ts';
import { asJson, fieldOf } from './chat.ts';
import type { Chat } from './chat.ts';

/** Codes of "too fast": of the bot, and of the whole tenant. */
const TOO_FAST: readonly unknown[] = [9499, 11232];

export const feishu: Chat = {
  // `<at user_id="all">` would call everybody; there is no way to quote it.
  escape: (value) => value.replaceAll('<', '‹').replaceAll('>', '›'),
  most: 18_000,
  write(text, { url, secret, now }) {
    const timestamp = Math.floor(now / 1000);
    const proof = secret === null ? {} : { timestamp: String(timestamp), sign: feishuSign(secret, timestamp) };
    return asJson(url, { ...proof, msg_type: 'text', content: { text } });
  },
  refusal(answer) {
    const code = fieldOf(answer, 'code') ?? fieldOf(answer, 'StatusCode');
    return code === 0 ? null : new Undelivered(`Feishu answered code ${String(code)}`, { isFinal: !TOO_FAST.includes(code) });
  },
};

/** `timestamp`: seconds. */
export const feishuSign = (secret: string, timestamp: number): string => createHmac('sha256', `${timestamp}\n${secret}`).digest('base64');
