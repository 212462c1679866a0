// What is known of one forge: how its deliveries prove themselves, what they say, and where a person sets them up. One file each.
import { visibleLine } from '../core/escape.ts';
import type { Forge } from '../core/forge.ts';
import type { HookHeaders } from '../core/hook.ts';
import type { ChangedRef } from '../core/repository.ts';
import { textAt, texts } from './fields.ts';
import type { Payload } from './payload.ts';
import type { Proof } from './proof.ts';

/** What a delivery says. `refs` empty: anything in the repository may have changed. */
export type Reading =
  | { readonly kind: 'ping' }
  | { readonly kind: 'ignored'; readonly reason: string; readonly actor: string | null }
  | {
      readonly kind: 'push';
      readonly refs: readonly ChangedRef[];
      readonly actor: string | null;
      /** URLs of the repository that it is about. */
      readonly about: readonly string[];
    };

export type Provider = {
  readonly forge: Forge;
  /** As people write it. */
  readonly title: string;
  /** `null`: these headers cannot be those of an authentic delivery. Never throws. */
  proof(headers: HookHeaders): Proof | null;
  /** The delivery's own id, the same when it is sent again; `null`: it has none. */
  idOf(headers: HookHeaders, payload: Payload): string | null;
  /** Takes every field as one that may be missing. Throws DeployError `refused` only when it cannot even be seen what it is about. */
  read(headers: HookHeaders, payload: Payload): Reading;
  /** What to do in the forge's settings, line by line. */
  settings(url: string, secret: string): readonly string[];
};

/** An event that is none of ours: answered well, so that the forge goes on sending, and recorded. */
export function ignored(title: string, event: unknown, actor: string | null = null): Reading {
  const name = typeof event === 'string' && event !== '' ? visibleLine(event.slice(0, 60)) : 'without a name';
  return { kind: 'ignored', reason: `${title}'s event ${name} deploys nothing, only pushes do`, actor };
}

const LONGEST_URL = 500;
const MOST_URLS = 6;

/** Where a delivery says that its repository is; what is no text is left out. */
export function urlsAt(payload: Payload, ...paths: readonly (readonly (string | number)[])[]): string[] {
  const urls = paths.map((path) => textAt(payload, ...path)).filter((url) => url !== null && url.length <= LONGEST_URL);
  return [...new Set(texts(...urls).map(shown))].filter((url) => url !== '').slice(0, MOST_URLS);
}

/** URLs are recorded and shown: without password, and on one line. */
const shown = (url: string): string => visibleLine(url.replace(/\p{Cs}/gu, '')).replace(/^([a-z+.-]+:\/\/)[^/@]*@/i, '$1');
