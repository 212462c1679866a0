// One message to one target: its secrets are read, its text is written, and the answer is judged.
import type { Notice, NoticeTarget } from '../core/notice.ts';
import type { ReadSecret } from '../core/ports.ts';
import type { SecretReference } from '../core/files.ts';
import type { Chat } from './chat/chat.ts';
import { asJson } from './chat/chat.ts';
import { dingtalk } from './chat/dingtalk.ts';
import { feishu } from './chat/feishu.ts';
import { slack } from './chat/slack.ts';
import { teams } from './chat/teams.ts';
import { TELEGRAM_MOST, telegramEscape, telegramMessage, telegramRefusal } from './chat/telegram.ts';
import { wecom } from './chat/wecom.ts';
import { CDEVENTS_TYPE, cdEvent } from './cdevents.ts';
import { sendMail } from './email.ts';
import { hostOf, refusalOf } from './outgoing.ts';
import type { Outgoing, Send } from './outgoing.ts';
import { signedHeaders } from './signature.ts';
import { asItIs, cutBytes, headline, noticeText } from './text.ts';
import type { Escape, Links } from './text.ts';

export type DeliveryTools = {
  readonly send: Send;
  readonly readSecret: ReadSecret;
  readonly links: Links;
  readonly allow: () => readonly string[];
  readonly now: () => number;
};

const CHATS: Readonly<Record<'slack' | 'teams' | 'dingtalk' | 'feishu' | 'wecom', Chat>> = { slack, teams, dingtalk, feishu, wecom };

/** Webhooks get every notice by itself: programs do not read digests. */
export const isOneByOne = (target: NoticeTarget): boolean => target.kind === 'webhook';

/**
 * Sends the notices (more than one: as one message). Resolves when the target has taken them; rejects with Undelivered, or with DeployError
 * `configuration` when a secret cannot be read.
 */
export async function deliver(target: NoticeTarget, notices: readonly Notice[], tools: DeliveryTools, signal: AbortSignal): Promise<void> {
  const secret = (reference: SecretReference, what: string): Promise<string> =>
    tools.readSecret(reference, `the ${what} of notices.targets.${target.name}`, signal);
  const text = (escape: Escape): string => textOf(target, notices, tools.links, escape);
  const post = async (outgoing: Outgoing, judge: Chat['refusal']): Promise<void> => {
    const answer = await tools.send(outgoing, signal);
    const refusal = judge(answer) ?? refusalOf(answer, hostOf(outgoing.url));
    if (refusal !== null) throw refusal;
  };
  switch (target.kind) {
    case 'slack':
    case 'teams':
    case 'wecom':
    case 'dingtalk':
    case 'feishu': {
      const chat = CHATS[target.kind];
      const reference = 'secret' in target ? target.secret : null;
      const credentials = {
        url: await secret(target.url, 'URL'),
        secret: reference === null ? null : await secret(reference, 'secret'),
        now: tools.now(),
      };
      const outgoing = chat.write(cutBytes(text(chat.escape), chat.most), credentials);
      return post(outgoing, (answer) => (answer.status < 200 || answer.status > 299 ? null : chat.refusal(answer)));
    }
    case 'telegram': {
      const token = await secret(target.token, 'token');
      return post(telegramMessage(cutBytes(text(telegramEscape), TELEGRAM_MOST), target.api, token, target.chat), telegramRefusal);
    }
    case 'email': {
      const password = target.password === null ? null : await secret(target.password, 'password');
      const [first, ...others] = notices;
      const subject =
        first === undefined ? '' : `[${first.project}] ${headline(first)}${others.length > 0 ? ` and ${others.length} more` : ''}`;
      const id = notices.map((one) => `${one.project} ${one.id}`).join();
      return sendMail({ ...target, password, subject, text: text(asItIs), id }, tools.allow(), signal);
    }
    case 'webhook': {
      const url = await secret(target.url, 'URL');
      const key = target.secret === null ? null : await secret(target.secret, 'secret');
      for (const notice of notices) await post(webhookOf(target, notice, url, key, tools), () => null);
      return;
    }
    default:
      return target satisfies never;
  }
}

function webhookOf(
  target: NoticeTarget & { kind: 'webhook' },
  notice: Notice,
  url: string,
  secret: string | null,
  tools: DeliveryTools,
): Outgoing {
  const link = notice.deployment === null ? null : tools.links.deployment(notice.deployment);
  const isCdEvent = target.format === 'cdevents';
  const text = noticeText(notice, target.template, tools.links, asItIs);
  const outgoing = asJson(
    url,
    isCdEvent
      ? cdEvent(notice, link)
      : { type: `lockstep.${notice.state}`, timestamp: new Date(notice.at).toISOString(), data: { ...notice, link, text } },
  );
  const { body = '' } = outgoing;
  const type = isCdEvent ? { 'content-type': CDEVENTS_TYPE } : {};
  return {
    ...outgoing,
    headers: { ...outgoing.headers, ...type, ...signedHeaders(body, secret, `${notice.project}_${notice.id}`, tools.now()) },
  };
}

const MOST_TEXTS = 10;

function textOf(target: NoticeTarget, notices: readonly Notice[], links: Links, escape: Escape): string {
  const texts = notices.slice(0, MOST_TEXTS).map((one) => noticeText(one, target.template, links, escape));
  if (notices.length > MOST_TEXTS) texts.push(`… and ${notices.length - MOST_TEXTS} more`);
  return texts.join('\n\n');
}
