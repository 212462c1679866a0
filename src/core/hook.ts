// The port for what repositories and forges tell us over HTTP: it is believed first, and read only then.
import type { Change } from './repository.ts';

/** Headers of a request by lower-case name. A header that was sent twice is one text, joined by `, `. */
export type HookHeaders = Readonly<Record<string, string | undefined>>;

export type HookReader = {
  /** Could an authentic notice have these headers? Asked before its body is read. Never throws. */
  isPlausible(headers: HookHeaders): boolean;
  /**
   * Was the body signed with one of the secrets (`whsec_…`), and recently? `now` in milliseconds since 1970.
   * Without secrets: false, after as much work as with one. Never throws.
   */
  isAuthentic(headers: HookHeaders, body: Uint8Array, secrets: readonly string[], now: number): boolean;
  /** What an authentic notice says. Throws DeployError `refused` when it says nothing that we understand. */
  read(repository: string, headers: HookHeaders, body: Uint8Array): Change | { readonly ping: true };
};
