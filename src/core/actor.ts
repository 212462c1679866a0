// Who asks: the person or program behind a request, as the door has made sure of it.

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
