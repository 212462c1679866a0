// The port for what repositories and forges tell us over HTTP: it is believed first, and read only then.
import type { Forge } from './forge.ts';
import type { Change } from './repository.ts';

/** Headers of a request by lower-case name. A header that was sent twice is one text, joined by `, `. */
export type HookHeaders = Readonly<Record<string, string | undefined>>;

/** Sees the body go by, and says at its end whether somebody sent it who knows a secret. */
export type Witness = {
  update(chunk: Uint8Array): void;
  /** Once, after the last chunk. Never throws. */
  isAuthentic(): boolean;
};

export type Delivery = {
  /** Name of the repository in the request's address. */
  readonly repository: string;
  readonly forge: Forge | null;
  readonly headers: HookHeaders;
  /** `null`: it was too large to be kept, though it was authentic: anything in the repository may have changed. */
  readonly body: Uint8Array | null;
  /** Milliseconds since 1970. */
  readonly receivedAt: number;
};

export type HookReader = {
  /** Could an authentic delivery of anybody have these headers? Asked before the body is read. Never throws. */
  isPlausible(headers: HookHeaders): boolean;
  /** Do forges that send long lists of commits sign like this? Then a body is worth reading beyond what will be kept of it. */
  mayBeLarge(headers: HookHeaders): boolean;
  /**
   * For a delivery to a repository of this forge (`null`: none, only our own hooks), whose secrets (`whsec_…`) are these. Without
   * secrets, and with headers that cannot be right, it does the same work and says no. `now` in milliseconds since 1970.
   */
  witness(forge: Forge | null, headers: HookHeaders, secrets: readonly string[], now: number): Witness;
  /** What an authentic delivery says. Throws DeployError `refused` when it says nothing that we understand, and nothing else ever. */
  read(delivery: Delivery): Change | { readonly ping: true };
  /** When the headers look like those of another forge than the configured one: a line for the operator. Else `null`. */
  oddity(forge: Forge | null, headers: HookHeaders): string | null;
};
