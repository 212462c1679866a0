// Who pushed a head, as an actor: named by a hook or a forge under its signature, never by what stands in a commit.
import type { Actor } from '../core/actor.ts';
import type { Change, Commit, Repository } from '../core/repository.ts';

/** Who sent the change; `null`: nobody is known. */
export const pusherOf = ({ actor, address }: Change): Actor | null => (actor === null ? null : pusher(actor, address ?? null));

/**
 * Who brought this head; `null`: unknown. Of Git, who sent the change, if it names the ref and, as far as it says so, moved it to this
 * revision: the head may be somebody else's by now. Of Subversion, the author that its server recorded, whoever tells.
 */
export function pusherOfHead({ type }: Repository, change: Change, ref: string, revision: string, commit: Commit | null): Actor | null {
  if (type === 'svn') return commit === null || commit.author === '' ? null : pusher(commit.author, change.address ?? null);
  const named = change.refs.find((one) => one.ref === ref);
  return named === undefined || (named.revision ?? revision) !== revision ? null : pusherOf(change);
}

const pusher = (name: string, address: string | null): Actor => ({
  kind: 'pusher',
  name,
  teams: [],
  role: 'deployer',
  clusters: ['*'],
  address,
});
