// A host's name becomes addresses once; they are checked, and the connection goes to one of those that were checked.
import { lookup } from 'node:dns/promises';
import type { LookupAddress } from 'node:dns';
import { isIP } from 'node:net';
import type { LookupFunction } from 'node:net';
import { isAllowedAddress } from './address.ts';
import { Undelivered } from './undelivered.ts';

export type Resolve = (host: string) => Promise<readonly LookupAddress[]>;

const byName: Resolve = (host) => lookup(host, { all: true, verbatim: true });

/**
 * All addresses of `host` (a name or an address, IPv6 also in brackets). One that must not be reached makes the whole name suspicious, so it is
 * refused: a name that means two places at once is how such checks are deceived. Rejects with Undelivered.
 */
export async function allowedAddresses(
  host: string,
  allow: readonly string[],
  resolve: Resolve = byName,
): Promise<readonly LookupAddress[]> {
  const plain = host.replace(/^\[|\]$/g, '');
  const family = isIP(plain);
  const addresses = family === 0 ? await resolve(plain).catch((error: unknown) => unresolved(host, error)) : [{ address: plain, family }];
  const stranger = addresses.find(({ address }) => !isAllowedAddress(address, allow));
  if (stranger !== undefined) {
    const is = stranger.address === plain ? '' : ` (${stranger.address})`;
    throw new Undelivered(`${host}${is} is not a public address; if it is meant, add its network to "notices.allow"`, { isFinal: true });
  }
  if (addresses.length === 0) throw new Undelivered(`${host} has no address`);
  return addresses;
}

function unresolved(host: string, error: unknown): never {
  throw new Undelivered(`${host} cannot be resolved (${(error as NodeJS.ErrnoException).code ?? 'unknown reason'})`);
}

/** For node:net: whatever it asks for, the answer is what was checked. */
export function fixedLookup(addresses: readonly LookupAddress[]): LookupFunction {
  const [first] = addresses;
  return (_host, options, callback) => {
    if (options.all === true) callback(null, [...addresses]);
    else callback(null, first?.address ?? '', first?.family);
  };
}
