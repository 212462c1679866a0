// People and programs that may use the daemon: what is kept of them, and what the door asks about them.
import type { Actor, Role } from './actor.ts';

/** What somebody was given. `clusters`: globs of the clusters that the role counts for. */
export type Grant = { readonly role: Role; readonly clusters: readonly string[] };

/** A token of the API. The secret itself is shown once, when it is made, and kept nowhere. Times in milliseconds since 1970. */
export type TokenRecord = Grant & {
  /** Unique. */
  readonly name: string;
  /** SHA-256 of the secret, in hexadecimal. */
  readonly hash: string;
  readonly createdBy: string;
  readonly createdAt: number;
  readonly expiresAt: number;
  /** To the minute. */
  readonly usedAt: number | null;
  readonly revokedAt: number | null;
};

/** Somebody with a password of ours. */
export type UserRecord = Grant & {
  /** Unique. */
  readonly name: string;
  readonly teams: readonly string[];
  /** Hash of the password, with its salt and the parameters it was made with. */
  readonly password: string;
  readonly createdBy: string;
  readonly createdAt: number;
};

/** Somebody who is signed in. What they may is looked up with each request, so that a change counts at once. */
export type SessionRecord = {
  /** SHA-256 of what the cookie holds, in hexadecimal. */
  readonly hash: string;
  /** `owner`: came with the daemon's own token; `password`: a user of ours; `oidc`: somebody whom the identity provider vouches for. */
  readonly way: 'owner' | 'password' | 'oidc';
  readonly name: string;
  /** `oidc`: the groups as the provider told them. `owner`: the hash of the token, so that a new token ends the session. */
  readonly groups: readonly string[];
  readonly createdAt: number;
  readonly seenAt: number;
  readonly expiresAt: number;
};

/** What is kept of people. What writes rejects with DeployError `store` when it cannot be written. */
export type PeopleStore = {
  /** By name. */
  tokens(): Promise<readonly TokenRecord[]>;
  token(name: string): Promise<TokenRecord | null>;
  tokenOf(hash: string): Promise<TokenRecord | null>;
  /** In the place of the one of that name, if there is one. */
  putToken(record: TokenRecord): Promise<void>;
  touchToken(hash: string, usedAt: number): Promise<void>;
  /** By name. */
  users(): Promise<readonly UserRecord[]>;
  user(name: string): Promise<UserRecord | null>;
  /** In the place of the one of that name, if there is one. All sessions of that name end. */
  putUser(record: UserRecord): Promise<void>;
  /** The user and all sessions of that name. `false`: there was none. */
  removeUser(name: string): Promise<boolean>;
  session(hash: string): Promise<SessionRecord | null>;
  /** Sessions that expired before `record` was created are forgotten with it. */
  addSession(record: SessionRecord): Promise<void>;
  touchSession(hash: string, seenAt: number): Promise<void>;
  removeSession(hash: string): Promise<void>;
  close(): Promise<void>;
};

/** As the API shows it; times are ISO 8601. */
export type TokenView = {
  name: string;
  role: Role;
  clusters: readonly string[];
  createdBy: string;
  createdAt: string;
  expiresAt: string;
  usedAt: string | null;
  state: 'valid' | 'expired' | 'revoked';
};

/** `lifetimeMs` null: the usual 90 days. */
export type TokenOrder = Grant & { readonly name: string; readonly lifetimeMs: number | null };

/** Something that was done or refused about people or at the door, for the log and the audit. */
export type Witnessed = {
  readonly what: 'refused' | 'token-created' | 'token-revoked';
  /** As they are known, or as who they tried to come in. */
  readonly who: string;
  readonly address: string | null;
  /** One line: whose token, which route. */
  readonly detail: string;
};

export type Witness = (witnessed: Witnessed) => void;

/**
 * Knows people. Requests reject with DeployError: `refused` (a value that is not allowed), `conflict` (the name is taken), `not-found`, `store`.
 */
export type People = {
  /** Who holds the secret; `null`: nobody, or not any more. `address`: where it came from. */
  byToken(secret: string, address: string | null): Promise<Actor | null>;
  tokens(): Promise<readonly TokenView[]>;
  /** `secret` is shown to nobody else, and never again. */
  createToken(order: TokenOrder, actor: Actor): Promise<{ token: TokenView; secret: string }>;
  /** At once. Again is as once. */
  revokeToken(name: string, actor: Actor): Promise<TokenView>;
};
