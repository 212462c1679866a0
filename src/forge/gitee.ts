// Gitee. https://help.gitee.com/webhook/gitee-webhook-push-data-format
import type { HookHeaders } from '../core/hook.ts';
import { at, textAt } from './fields.ts';
import { changedRefs, isNothing, personIn } from './names.ts';
import { textProof, tokenProof } from './proof.ts';
import type { Proof } from './proof.ts';
import type { Provider } from './provider.ts';
import { ignored, urlsAt } from './provider.ts';

/** Gitee's own limit for the age of a signature. */
const WINDOW_MS = 60 * 60 * 1000;

export const gitee: Provider = {
  forge: 'gitee',
  title: 'Gitee',
  proof: proofIn,
  // It names no delivery, but the millisecond of each.
  idOf: (headers, payload) => {
    const [time, ref, after] = [headers['x-gitee-timestamp'], textAt(payload, 'ref'), textAt(payload, 'after')];
    return time === undefined || ref === null || after === null ? null : `${time} ${ref} ${after}`;
  },
  read(headers, payload) {
    const event = headers['x-gitee-event'] ?? textAt(payload, 'hook_name');
    const actor = personIn(at(payload, 'pusher', 'username'), at(payload, 'user_name'), at(payload, 'sender', 'username'));
    if (headers['x-gitee-ping'] === 'true') return { kind: 'ping' };
    if (!['Push Hook', 'Tag Push Hook', 'push_hooks', 'tag_push_hooks'].includes(event ?? '')) return ignored('Gitee', event, actor);
    const about = urlsAt(
      payload,
      ['project', 'git_http_url'],
      ['project', 'git_ssh_url'],
      ['project', 'git_svn_url'],
      ['project', 'html_url'],
    );
    const revision = at(payload, 'after');
    const deleted = at(payload, 'deleted') === true || isNothing(revision);
    return { kind: 'push', refs: changedRefs([{ ref: textAt(payload, 'ref'), deleted, revision }]), actor, about };
  },
  settings: (url, secret) => [
    'Repository → 管理 (Manage) → WebHooks → 添加 (Add)',
    `URL: ${url}`,
    `WebHook 密码/签名密钥 (password or signature key), better as a signature key: ${secret}`,
    'Event: Push',
  ],
};

/** The password itself, or base64 of HMAC-SHA256(secret, "<milliseconds>\n<secret>"), perhaps percent-encoded. Neither covers the body. */
function proofIn(headers: HookHeaders): Proof | null {
  const token = headers['x-gitee-token'];
  const time = headers['x-gitee-timestamp'];
  const signature = /^[A-Za-z0-9+/]{43}=$/.exec((token ?? '').replace(/%2B/gi, '+').replace(/%2F/gi, '/').replace(/%3D$/i, '='))?.[0];
  if (signature === undefined || time === undefined || !/^\d{13}$/.test(time)) return tokenProof(token);
  return textProof(signature, (secret) => `${time}\n${secret}`, Number(time), WINDOW_MS);
}
