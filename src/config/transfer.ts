// How releases come to the servers: the keys of a cluster, and what becomes of them.
import { z } from 'zod';
import type { TransferSettings } from '../core/cluster.ts';

export const transferKeys = {
  carrier: z.enum(['auto', 'rsync']).default('auto').meta({
    description:
      'What carries releases to the servers: `auto` sends one pack of what changed where a server can unpack it, and uses rsync for the rest; `rsync` uses nothing else.',
  }),
  cloneAhead: z
    .boolean()
    .default(true)
    .meta({ description: 'After a deployment, does each server prepare the hard-linked clone that its next release is made in?' }),
};

export const resolveTransfer = ({ carrier, cloneAhead }: TransferSettings): TransferSettings => ({ carrier, cloneAhead });
