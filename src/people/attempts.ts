// Attempts to sign in, counted for each account and each address: after some that failed, each further one has to wait longer.

export type Attempts = {
  /**
   * Milliseconds to wait before this attempt is looked at; 0: now. It counts as failed until `succeeded` is called, so that many at once are
   * no way around.
   */
  begin(account: string, address: string): number;
  succeeded(account: string, address: string): void;
};

type Entry = { failures: number; until: number; at: number };

const FREE = 5;
/** An account must not be closed for its owner by whoever knows its name. */
const LONGEST_FOR_ACCOUNT_MS = 60_000;
const LONGEST_FOR_ADDRESS_MS = 900_000;
const FORGOTTEN_AFTER_MS = 3_600_000;
/** Of each; the oldest are forgotten first. */
const MOST_ENTRIES = 10_000;

export function createAttempts(now: () => number): Attempts {
  const accounts = new Map<string, Entry>();
  const addresses = new Map<string, Entry>();

  return {
    begin(account, address) {
      const network = networkOf(address);
      const waitMs = Math.max(accounts.get(account)?.until ?? 0, addresses.get(network)?.until ?? 0) - now();
      if (waitMs > 0) return waitMs;
      count(accounts, account, LONGEST_FOR_ACCOUNT_MS, now());
      count(addresses, network, LONGEST_FOR_ADDRESS_MS, now());
      return 0;
    },
    succeeded(account, address) {
      accounts.delete(account);
      addresses.delete(networkOf(address));
    },
  };
}

function count(entries: Map<string, Entry>, key: string, longestMs: number, at: number): void {
  const known = entries.get(key);
  const failures = known === undefined || at - known.at > FORGOTTEN_AFTER_MS ? 1 : known.failures + 1;
  const delayMs = failures < FREE ? 0 : Math.min(1000 * 2 ** (failures - FREE), longestMs);
  // Put at the end: a Map keeps the order in which its keys came.
  entries.delete(key);
  entries.set(key, { failures, until: at + delayMs, at });
  if (entries.size <= MOST_ENTRIES) return;
  const [oldest] = entries.keys();
  if (oldest !== undefined) entries.delete(oldest);
}

/** Whoever has one IPv6 address has a whole /64 of them. */
const networkOf = (address: string): string => (address.includes(':') ? address.split(':').slice(0, 4).join(':') : address);
