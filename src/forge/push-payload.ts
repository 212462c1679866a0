// The payload that GitHub invented and Gogs, Gitea and Forgejo took over: one ref in each delivery.
import { at, textAt } from './fields.ts';
import { changedRefs, isNothing, personIn } from './names.ts';
import type { Payload } from './payload.ts';
import { ignored, urlsAt } from './provider.ts';
import type { Reading } from './provider.ts';

/**
 * `push` has a full ref. `create` and `delete` come beside it, or alone for who chose only those; their ref is short, and `ref_type` says of
 * what; some of these forges add a `sha`. The list of commits is never read: a promotion brings none that are new.
 */
export function readPushPayload(title: string, event: string | undefined, payload: Payload): Reading {
  const actor = personIn(
    at(payload, 'pusher', 'login'),
    at(payload, 'pusher', 'username'),
    at(payload, 'pusher', 'name'),
    at(payload, 'sender', 'login'),
    at(payload, 'sender', 'username'),
  );
  const ref = textAt(payload, 'ref');
  const about = urlsAt(
    payload,
    ['repository', 'clone_url'],
    ['repository', 'ssh_url'],
    ['repository', 'html_url'],
    ['repository', 'svn_url'],
  );
  switch (event) {
    case 'ping':
      return { kind: 'ping' };
    case 'push': {
      const revision = at(payload, 'after');
      const deleted = at(payload, 'deleted') === true || isNothing(revision);
      return { kind: 'push', refs: changedRefs([{ ref, deleted, revision }]), actor, about };
    }
    case 'create':
    case 'delete': {
      const whole = ref !== null && at(payload, 'ref_type') === 'tag' && !ref.startsWith('refs/') ? `refs/tags/${ref}` : ref;
      return { kind: 'push', refs: changedRefs([{ ref: whole, deleted: event === 'delete', revision: at(payload, 'sha') }]), actor, about };
    }
    default:
      return ignored(title, event, actor);
  }
}
