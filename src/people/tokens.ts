// Tokens of the API: for programs, and for people at a shell. Each has a role, clusters and an end.
import { actorText } from '../core/actor.ts';
import type { Actor } from '../core/actor.ts';
import { DeployError } from '../core/errors.ts';
import type { People, PeopleStore, TokenOrder, TokenRecord, TokenView, Witness } from '../core/people.ts';
import { checkGrant, checkName, refused } from './rules.ts';
import { hashOf, newSecret } from './secret.ts';

export type TokenTools = { readonly store: PeopleStore; readonly witness: Witness; readonly now: () => number };

const DAY_MS = 86_400_000;
const USUAL_LIFETIME_MS = 90 * DAY_MS;
const LONGEST_LIFETIME_MS = 366 * DAY_MS;
const SHORTEST_LIFETIME_MS = 60_000;
/** A busy token is not written down at every request. */
const USE_GRAIN_MS = 60_000;
const FORM = /^lst_[A-Za-z0-9_-]{43}$/;

export function createTokens({ store, witness, now }: TokenTools): Pick<People, 'byToken' | 'tokens' | 'createToken' | 'revokeToken'> {
  const isValid = ({ revokedAt, expiresAt }: TokenRecord): boolean => revokedAt === null && now() < expiresAt;

  async function createToken(order: TokenOrder, actor: Actor): Promise<{ token: TokenView; secret: string }> {
    const { name, role, clusters } = order;
    checkName(name);
    checkGrant(order);
    const lifetimeMs = order.lifetimeMs ?? USUAL_LIFETIME_MS;
    if (lifetimeMs < SHORTEST_LIFETIME_MS || lifetimeMs > LONGEST_LIFETIME_MS) {
      throw refused('a token lives for at least a minute and at most 366 days');
    }
    const known = await store.token(name);
    if (known !== null && isValid(known)) {
      throw new DeployError('conflict', `there is a token ${name} already; take another name, or first: lockstep token revoke ${name}`);
    }
    const secret = `lst_${newSecret()}`;
    const record: TokenRecord = {
      name,
      role,
      clusters,
      hash: hashOf(secret),
      createdBy: actorText(actor),
      createdAt: now(),
      expiresAt: now() + lifetimeMs,
      usedAt: null,
      revokedAt: null,
    };
    await store.putToken(record);
    const detail = `${name}: ${role} for ${clusters.join(', ')}, until ${new Date(record.expiresAt).toISOString()}`;
    witness({ what: 'token-created', who: actorText(actor), address: actor.address, detail });
    return { token: viewOf(record, now()), secret };
  }

  return {
    async byToken(secret, address) {
      if (!FORM.test(secret)) return null;
      const record = await store.tokenOf(hashOf(secret));
      if (record === null || !isValid(record)) return null;
      // Who may come in may do so with a full disk, too: the time of use is a comfort.
      if (now() - (record.usedAt ?? 0) >= USE_GRAIN_MS) await store.touchToken(record.hash, now()).catch(() => undefined);
      const { name, role, clusters } = record;
      return { kind: 'token', name, teams: [], role, clusters, address };
    },
    tokens: async () => (await store.tokens()).map((record) => viewOf(record, now())),
    createToken,
    async revokeToken(name, actor) {
      const record = await store.token(name);
      if (record === null) throw new DeployError('not-found', `there is no token ${JSON.stringify(name)}; see: lockstep token list`);
      if (record.revokedAt !== null) return viewOf(record, now());
      const revoked = { ...record, revokedAt: now() };
      await store.putToken(revoked);
      witness({ what: 'token-revoked', who: actorText(actor), address: actor.address, detail: name });
      return viewOf(revoked, now());
    },
  };
}

function viewOf({ name, role, clusters, createdBy, ...times }: TokenRecord, now: number): TokenView {
  const { createdAt, expiresAt, usedAt, revokedAt } = times;
  const state = revokedAt !== null ? 'revoked' : now < expiresAt ? 'valid' : 'expired';
  const used = usedAt === null ? null : iso(usedAt);
  return { name, role, clusters, createdBy, createdAt: iso(createdAt), expiresAt: iso(expiresAt), usedAt: used, state };
}

const iso = (time: number): string => new Date(time).toISOString();
