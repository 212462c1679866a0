// What carries a release to a server: a pack, made once for all servers, or rsync.
import type { Greeting } from './channel.ts';
import type { Cluster, TransferSettings } from './cluster.ts';

/** How a release came: what changed, everything, or nothing, because it was there; by rsync, or else as a pack. */
export type CarriedBy = 'delta' | 'full' | 'delta-rsync' | 'full-rsync' | 'present';

/** Above this much content rsync takes over: it goes on where a broken connection stopped it, a pack begins anew. */
export const LARGEST_PACK_BYTES = 1024 ** 3;

export const transferSettings = ({ transfer }: Pick<Cluster, 'transfer'>): TransferSettings =>
  transfer ?? { carrier: 'auto', cloneAhead: true };

/** `bytes`: of the files that are to be sent. Repairs are rsync's in any case. */
export function carrierFor(cluster: Pick<Cluster, 'transfer'>, greeting: Pick<Greeting, 'unpacks'>, bytes: number): 'pack' | 'rsync' {
  if (transferSettings(cluster).carrier === 'rsync' || greeting.unpacks.length === 0) return 'rsync';
  return bytes <= LARGEST_PACK_BYTES ? 'pack' : 'rsync';
}

export function carrierText(carrier: CarriedBy): string {
  switch (carrier) {
    case 'delta':
    case 'full':
    case 'present':
      return carrier;
    case 'delta-rsync':
      return 'delta by rsync';
    case 'full-rsync':
      return 'full by rsync';
    default:
      return carrier satisfies never;
  }
}
