// Signing in with OpenID Connect: the code flow with PKCE, state and nonce (OpenID Connect Core 1.0; RFC 9700).
import { readFile } from 'node:fs/promises';
import * as client from 'openid-client';
import { DeployError } from '../core/errors.ts';
import type { OidcBegin, OidcReturn, OidcSettings, People, PeopleSettings, PeopleStore, SignIn, Witness } from '../core/people.ts';
import { grantedBy } from './grants.ts';
import { hashOf, newSecret } from './secret.ts';
import type { Sessions } from './sessions.ts';

export type OidcTools = {
  readonly store: PeopleStore;
  readonly sessions: Sessions;
  readonly settings: () => PeopleSettings | null;
  readonly witness: Witness;
  readonly now: () => number;
};

/** Somebody who was sent to the provider and is not back yet. */
type Pending = {
  readonly settings: OidcSettings;
  readonly verifier: string;
  readonly state: string;
  readonly nonce: string;
  readonly until: number;
};

const PENDING_MS = 600_000;
/** More than so many are not waited for: the oldest are forgotten. */
const MOST_PENDING = 1_000;
const TIMEOUT_S = 10;
const RETURN_PATH = '/login/oidc/return';

export function createOidc(tools: OidcTools): Pick<People, 'beginOidc' | 'finishOidc'> {
  const { sessions, settings, witness, now } = tools;
  const pending = new Map<string, Pending>();
  const discovered = new Map<string, Promise<client.Configuration>>();

  /** Asked once for each configuration; a failure is not kept. */
  async function provider(oidc: OidcSettings): Promise<client.Configuration> {
    const secret = await secretOf(oidc);
    const key = hashOf(JSON.stringify([oidc, secret]));
    const known = discovered.get(key);
    if (known !== undefined) return known;
    discovered.clear();
    const found = discover(oidc, secret);
    discovered.set(key, found);
    found.catch(() => discovered.delete(key));
    return found;
  }

  async function beginOidc(): Promise<OidcBegin> {
    const { oidc, url } = settings() ?? { oidc: null, url: null };
    if (oidc === null || url === null) throw new DeployError('conflict', 'No identity provider is configured; see "people.oidc".');
    const configuration = await provider(oidc);
    const [verifier, state, nonce] = [client.randomPKCECodeVerifier(), client.randomState(), client.randomNonce()];
    const address = client.buildAuthorizationUrl(configuration, {
      redirect_uri: url + RETURN_PATH,
      scope: oidc.scopes.join(' '),
      code_challenge: await client.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      state,
      nonce,
    });
    const secret = newSecret();
    pending.set(hashOf(secret), { settings: oidc, verifier, state, nonce, until: now() + PENDING_MS });
    const [oldest] = pending.keys();
    if (pending.size > MOST_PENDING && oldest !== undefined) pending.delete(oldest);
    return { address: address.href, secret };
  }

  async function finishOidc({ url, secret, address, previous }: OidcReturn): Promise<SignIn> {
    const refuse = (who: string, detail: string): SignIn => {
      witness({ what: 'sign-in-refused', who, address, detail });
      return { state: 'wrong' };
    };
    const begun = secret === null ? undefined : pending.get(hashOf(secret));
    const { url: own } = settings() ?? { url: null };
    // An answer of the provider counts once.
    if (secret !== null) pending.delete(hashOf(secret));
    if (begun === undefined || own === null || now() > begun.until)
      return refuse('nobody', 'nobody of this browser was sent to the provider');
    let claims: client.IDToken | undefined;
    try {
      const checks = { pkceCodeVerifier: begun.verifier, expectedState: begun.state, expectedNonce: begun.nonce, idTokenExpected: true };
      const answer = await client.authorizationCodeGrant(
        await provider(begun.settings),
        new URL(own + RETURN_PATH + new URL(url, own).search),
        checks,
      );
      claims = answer.claims();
    } catch (error) {
      return refuse('nobody', `the provider's answer is not valid: ${(error as Error).message}`);
    }
    const name = claims?.[begun.settings.name];
    if (claims === undefined || typeof name !== 'string')
      return refuse('nobody', `the provider's answer has no claim ${begun.settings.name}`);
    // https://openid.net/specs/openid-connect-core-1_0.html#ClaimStability: an address that nobody has verified may be anybody's.
    if (begun.settings.name === 'email' && claims['email_verified'] !== true)
      return refuse(name, 'the provider has not verified the address');
    const groups = listIn(claims[begun.settings.groups]);
    if ((await grantedBy(tools, name, groups, address)) === null) {
      return refuse(name, `in none of the groups of "people.groups" (${groups.join(', ') || 'no group'}), or called as nobody else can be`);
    }
    const session = await sessions.begin({ way: 'oidc', name, groups }, previous);
    witness({ what: 'signed-in', who: name, address, detail: `by ${begun.settings.issuer}` });
    return { state: 'in', session, lifetimeMs: sessions.lifetimeMs };
  }

  return { beginOidc, finishOidc };
}

async function discover({ issuer, clientId }: OidcSettings, secret: string | null): Promise<client.Configuration> {
  const url = new URL(issuer);
  // Signatures are checked even where OpenID Connect leaves it to TLS (Core 1.0, 3.1.3.7). Plain http is allowed for this machine only.
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- marked so only to make it stand out
  const execute = [client.enableNonRepudiationChecks, ...(url.protocol === 'http:' ? [client.allowInsecureRequests] : [])];
  try {
    const authentication = secret === null ? client.None() : client.ClientSecretPost(secret);
    return await client.discovery(url, clientId, undefined, authentication, { execute, timeout: TIMEOUT_S });
  } catch (error) {
    throw new DeployError('unreachable', `The identity provider ${issuer} cannot be asked: ${(error as Error).message}`, null, error);
  }
}

async function secretOf({ clientSecret }: OidcSettings): Promise<string | null> {
  if (clientSecret === null) return null;
  const found =
    'file' in clientSecret ? await readFile(clientSecret.file, 'utf8').catch(() => '') : (process.env[clientSecret.environment] ?? '');
  if (found.trim() !== '') return found.trim();
  const where = 'file' in clientSecret ? clientSecret.file : `the variable ${clientSecret.environment}`;
  throw new DeployError('configuration', `people.oidc.clientSecret: ${where} holds no secret, or cannot be read.`);
}

const listIn = (claim: unknown): readonly string[] =>
  typeof claim === 'string' ? [claim] : Array.isArray(claim) ? claim.filter((one) => typeof one === 'string').slice(0, 1000) : [];
