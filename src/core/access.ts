// Who may do what to a cluster, as people read it: what the doors ask for, what the rules say, and what that means for the one who asks.
import { actorText, hasRole, seesCluster } from './actor.ts';
import type { Actor, Role } from './actor.ts';
import { approverProblem } from './approval.ts';
import type { ApprovalSettings } from './cluster.ts';
import type { Deployment } from './deployment.ts';
import { matchesGlob } from './glob.ts';
import { refusalOf } from './permission.ts';
import type { Action, Permissions } from './permission.ts';

/** `deploy`: also retry; `lock`: also unlock; `pause`: also resume, and leaving a server out; `approve`: also reject. */
export const DEEDS = ['deploy', 'rollback', 'release-hold', 'lock', 'pause', 'abort', 'settle', 'approve'] as const;
export type Deed = (typeof DEEDS)[number];

/** The least role that the doors let in, and the action that the rules must allow. */
export const DEMANDS: Readonly<Record<Deed, { readonly role: Role; readonly action: Action }>> = {
  deploy: { role: 'deployer', action: 'deploy' },
  rollback: { role: 'operator', action: 'rollback' },
  'release-hold': { role: 'operator', action: 'deploy' },
  lock: { role: 'operator', action: 'lock' },
  pause: { role: 'operator', action: 'pause' },
  abort: { role: 'operator', action: 'abort' },
  settle: { role: 'operator', action: 'settle' },
  approve: { role: 'deployer', action: 'approve' },
};

/** `GET /api/v1/clusters/:name/access`, and of a deployment. */
export type AccessView = {
  cluster: string;
  you: { name: string; role: Role };
  deeds: {
    deed: Deed;
    /** The least role. */
    role: Role;
    /** Who is meant by the rules of the configuration; `null`: there are no rules, the role alone decides. */
    who: readonly string[] | null;
    /** Why the one who asks may not, in one sentence; `null`: they may. */
    refusal: string | null;
  }[];
  /** `null`: deployments need none. */
  approvals: { needed: number; by: readonly string[] } | null;
};

export type Accessed = {
  readonly cluster: string;
  readonly permissions: Permissions;
  readonly approvals: ApprovalSettings | undefined;
  /** One that waits for an approval, which its own people cannot give; `null`: it is about the cluster. */
  readonly deployment: Deployment | null;
};

export function accessOf({ cluster, permissions, approvals, deployment }: Accessed, actor: Actor): AccessView {
  const rules = permissions.rules.filter(({ clusters }) => clusters.some((glob) => matchesGlob(glob, cluster)));
  const refusal = (deed: Deed): string | null => {
    const { role, action } = DEMANDS[deed];
    if (!hasRole(actor, role) || !seesCluster(actor, cluster)) return `this needs the role ${role}; yours is ${actor.role}`;
    const refused = refusalOf(permissions, actor, action, cluster);
    if (refused !== null || deed !== 'approve' || deployment === null || deployment.approval === null) return refused;
    return approverProblem(deployment, actor, permissions);
  };
  return {
    cluster,
    you: { name: actorText(actor), role: actor.role },
    deeds: DEEDS.map((deed) => {
      const { role, action } = DEMANDS[deed];
      const who = new Set(rules.filter(({ may }) => may.includes(action)).flatMap((rule) => rule.who));
      return { deed, role, who: permissions.rules.length === 0 ? null : [...who], refusal: refusal(deed) };
    }),
    approvals: approvals === undefined ? null : { needed: approvals.needed, by: approvals.by },
  };
}
