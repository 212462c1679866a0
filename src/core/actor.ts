// Who asks: the person or program behind a request, as the door has made sure of it, and what it may.
import { matchesGlob } from './glob.ts';

/** Each may what those before it may, and more. */
export const ROLES = ['viewer', 'deployer', 'operator', 'admin'] as const;
export type Role = (typeof ROLES)[number];

export type Actor = {
  /**
   * `owner`: holds the daemon's own token, or is the daemon itself; may everything. `user`: signed in. `token`: holds a token that somebody
   * was given. `pusher`: named by a hook or a forge under its signature.
   */
  readonly kind: 'owner' | 'user' | 'token' | 'pusher';
  /** Unique among those of its kind. */
  readonly name: string;
  readonly teams: readonly string[];
  readonly role: Role;
  /** Globs of the clusters that the role counts for. */
  readonly clusters: readonly string[];
  /** Where the request came from; `null`: from this machine's daemon itself. */
  readonly address: string | null;
};

/** Who holds the daemon's own token. `name`: as who they say they are, which grants nothing. */
export const ownerActor = (name: string, address: string | null): Actor => ({
  kind: 'owner',
  name,
  teams: [],
  role: 'admin',
  clusters: ['*'],
  address,
});

/** The actor as the journal and people read it. Names of users hold no spaces, so nobody can look like a token of the same name. */
export const actorText = ({ kind, name }: Actor): string => (kind === 'token' ? `${name} (token)` : name);

/** Has the actor this role, or one above it? */
export const hasRole = (actor: Actor, role: Role): boolean => ROLES.indexOf(actor.role) >= ROLES.indexOf(role);

/** Does the actor's role count for this cluster? If not, the cluster does not exist for them. */
export const seesCluster = (actor: Actor, cluster: string): boolean => actor.clusters.some((glob) => matchesGlob(glob, cluster));

/** For every cluster that there is or will be, and for what belongs to none. */
export const seesAll = (actor: Actor): boolean => actor.clusters.includes('*');
