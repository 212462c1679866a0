// WeCom (WeChat Work): robots of groups, whose URL holds the key. https://developer.work.weixin.qq.com/document/path/91770
import { asItIs } from '../text.ts';
import { Undelivered } from '../undelivered.ts';
import { asJson, fieldOf } from './chat.ts';
import type { Chat } from './chat.ts';

/** `api freq out of limit`. */
const TOO_FAST = 45009;

export const wecom: Chat = {
  // Plain text mentions nobody: mentions are a list of their own.
  escape: asItIs,
  most: 2_048,
  write: (text, { url }) => asJson(url, { msgtype: 'text', text: { content: text } }),
  refusal(answer) {
    const code = fieldOf(answer, 'errcode');
    return code === 0 ? null : new Undelivered(`WeCom answered errcode ${String(code)}`, { isFinal: code !== TOO_FAST && code !== -1 });
  },
};
