// Whoever gets notices: a target of the configuration, or a forge that is told of the deployments of its repository.
import type { Configuration } from '../core/configuration.ts';
import { matchesGlob } from '../core/glob.ts';
import type { Notice, NoticeTarget } from '../core/notice.ts';
import { deliver, isOneByOne } from './deliver.ts';
import type { DeliveryTools } from './deliver.ts';

export type Addressee = {
  readonly name: string;
  /** For people: `slack`, `github`. */
  readonly kind: string;
  readonly perMinute: number;
  readonly digestMs: number;
  /** Each notice is a message of its own. */
  readonly isOneByOne: boolean;
  /** May it be sent a notice of nothing? */
  readonly isTestable: boolean;
  wants(notice: Notice): boolean;
  /** Notices of one group must arrive in order; `null`: this one may come at any time. */
  groupOf(notice: Notice): string | null;
  /** Rejects with Undelivered, or with DeployError `configuration`. */
  deliver(notices: readonly Notice[], signal: AbortSignal): Promise<void>;
};

export function targetAddressees({ notices }: Configuration, tools: DeliveryTools): Addressee[] {
  return notices.targets.map((target) => ({
    name: target.name,
    kind: target.kind,
    perMinute: target.perMinute,
    digestMs: target.digestMs,
    isOneByOne: isOneByOne(target),
    isTestable: true,
    wants: (notice) => isWanted(target, notice),
    groupOf: () => null,
    deliver: (all, signal) => deliver(target, all, tools, signal),
  }));
}

/** What is about no cluster at all goes to those who want to know of every cluster. */
function isWanted({ states, clusters }: NoticeTarget, notice: Notice): boolean {
  if (!states.includes(notice.state)) return false;
  if (notice.clusters.length === 0) return clusters.includes('*');
  return notice.clusters.some((cluster) => clusters.some((glob) => matchesGlob(glob, cluster)));
}
