// Who pushed, as an actor: named by a hook or a forge under its signature, never by what stands in a commit.
import type { Actor } from '../core/actor.ts';
import type { Change } from '../core/repository.ts';

/** `null`: nobody is known. */
export function pusherOf({ actor: name, address }: Change): Actor | null {
  return name === null ? null : { kind: 'pusher', name, teams: [], role: 'deployer', clusters: ['*'], address: address ?? null };
}
