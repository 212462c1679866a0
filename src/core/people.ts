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
export type UserRecord = UserGrant & {
  /** Unique. */
  readonly name: string;
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

/** What the members of a group may, whom an identity provider or a proxy vouches for. `group` `*`: everybody. */
export type GroupGrant = Grant & { readonly group: string; readonly teams: readonly string[] };

export type OidcSettings = {
  readonly issuer: string;
  readonly clientId: string;
  /** Absolute path or name of a variable. `null`: a public client. */
  readonly clientSecret: { readonly file: string } | { readonly environment: string } | null;
  /** Claims. */
  readonly name: string;
  readonly groups: string;
  readonly scopes: readonly string[];
};

/** A proxy that has made sure who somebody is, and says it in headers (lower case). `from`: its addresses and networks. */
export type ProxySettings = { readonly from: readonly string[]; readonly user: string; readonly groups: string | null };

export type PeopleSettings = {
  /** Where people reach the daemon: an origin such as `https://deploy.example.org`. */
  readonly url: string | null;
  readonly oidc: OidcSettings | null;
  readonly proxy: ProxySettings | null;
  /** The first that somebody is in decides. */
  readonly groups: readonly GroupGrant[];
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
  /** What they may, and nothing else: their password and their sessions stay. `false`: there is none of that name. */
  changeUser(name: string, change: UserGrant): Promise<boolean>;
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

/** As the API shows it. */
export type UserView = {
  name: string;
  role: Role;
  clusters: readonly string[];
  teams: readonly string[];
  createdBy: string;
  createdAt: string;
};

/** What a user may, and for whom rules hold that they are one of. */
export type UserGrant = Grant & { readonly teams: readonly string[] };

export type UserOrder = UserGrant & { readonly name: string; readonly password: string };

/** `name` empty: the password is the daemon's own token. `previous`: the session that the browser had, which ends. */
export type Credentials = {
  readonly name: string;
  readonly password: string;
  readonly address: string | null;
  readonly previous: string | null;
};

/** `session`: for the cookie, and for nobody else. `wait`: so many milliseconds before the next attempt is looked at. */
export type SignIn =
  | { readonly state: 'in'; readonly session: string; readonly lifetimeMs: number }
  | { readonly state: 'wrong' }
  | { readonly state: 'wait'; readonly waitMs: number };

/** How people can sign in, besides the owner with the daemon's own token. */
export type SignInWays = { readonly password: boolean; readonly oidc: boolean };

/** `address`: where the browser goes now. `secret`: what it has to bring back with the answer. */
export type OidcBegin = { readonly address: string; readonly secret: string };

/** `url`: the address that the provider sent the browser to, with the code. `secret`: what the browser was given at the beginning. */
export type OidcReturn = {
  readonly url: string;
  readonly secret: string | null;
  readonly address: string | null;
  readonly previous: string | null;
};

/** Something that was done or refused about people or at the door, for the log and the audit. */
export type Witnessed = {
  readonly what:
    | 'refused'
    | 'hook-refused'
    | 'signed-in'
    | 'sign-in-refused'
    | 'signed-out'
    | 'token-created'
    | 'token-revoked'
    | 'user-added'
    | 'user-changed'
    | 'user-removed'
    | 'password-changed';
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
  /** Who is signed in; `null`: nobody, or not any more. `isUse`: it counts as use, and the session stays alive. */
  bySession(session: string, address: string | null, isUse: boolean): Promise<Actor | null>;
  /** Takes equally long, and says the same, for a wrong name and a wrong password. */
  signIn(credentials: Credentials): Promise<SignIn>;
  /** Rejects with `conflict` when there is no provider, and `unreachable` when it does not answer. */
  beginOidc(): Promise<OidcBegin>;
  /** Never says more than `wrong`; the log does. */
  finishOidc(returned: OidcReturn): Promise<SignIn>;
  /** Whom a proxy vouches for; `null`: whom nothing was given. It is the caller's to make sure that the proxy said it. */
  byProxy(name: string, groups: readonly string[], address: string | null): Promise<Actor | null>;
  signOut(session: string, address: string | null): Promise<void>;
  ways(): Promise<SignInWays>;
  users(): Promise<readonly UserView[]>;
  addUser(order: UserOrder, actor: Actor): Promise<UserView>;
  /** What is left out stays as it is. It counts from the next request on, also for those who are signed in; their sessions stay. */
  changeUser(name: string, change: Partial<UserGrant>, actor: Actor): Promise<UserView>;
  /** Their sessions end. */
  removeUser(name: string, actor: Actor): Promise<void>;
  /** Their sessions end. */
  changePassword(name: string, password: string, actor: Actor): Promise<void>;
};
