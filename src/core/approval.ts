// Two people for one deployment: who may approve it, and what stands against it.
import { actorText } from './actor.ts';
import type { Actor } from './actor.ts';
import type { ApprovalSettings, Cluster } from './cluster.ts';
import type { Deployment, Purpose } from './deployment.ts';
import { isMeant } from './permission.ts';
import type { Permissions } from './permission.ts';

/** How far the approval of a deployment is. */
export type Approval = {
  readonly needed: number;
  readonly by: readonly string[];
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
  /** As `actorText` writes them. */
  readonly approvedBy: string[];
};

/** `null`: it needs none. Users come first in an emergency, and who catches up brings what was approved. */
export function approvalFor({ approvals }: Cluster, purpose: Purpose, at: number): Approval | null {
  if (approvals === undefined || purpose === 'emergency' || purpose === 'catch-up') return null;
  return newApproval(approvals, at);
}

const newApproval = ({ needed, by, expiresMs }: ApprovalSettings, at: number): Approval => ({
  needed,
  by,
  expiresAt: at + expiresMs,
  approvedBy: [],
});

export const isApproved = ({ approval }: Deployment): boolean => approval === null || approval.approvedBy.length >= approval.needed;

/** Why the actor cannot approve or reject it, as one sentence; `null`: they can. */
export function approverProblem(deployment: Deployment, actor: Actor, permissions: Permissions): string | null {
  const { number, approval, requestedBy, pushedBy } = deployment;
  const own = [requestedBy, pushedBy].some((name) => name !== null && isSameName(name, actor));
  if (own) return `${actorText(actor)} asked for deployment ${number} or pushed its commit: it needs somebody else's approval`;
  const by = approval?.by ?? [];
  // Whoever may make tokens could make themselves a second person.
  const isMeantHere =
    actor.kind === 'token'
      ? by.includes(`token:${actor.name}`)
      : actor.kind === 'owner' || by.some((who) => isMeant(permissions, who, actor));
  return isMeantHere ? null : `${actorText(actor)} is none of those who may approve deployment ${number}: ${by.join(', ')}`;
}

const isSameName = (name: string, actor: Actor): boolean =>
  [actor.name, actorText(actor)].some((one) => one.toLowerCase() === name.toLowerCase());
