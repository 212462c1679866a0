// Reasons: why a deployment turned back, and what it could not take back. They end up in front of the operator.
import type { Deployment, Member } from './deployment.ts';
import type { Problem } from './errors.ts';

/** Why the way forward ended here: the abort, the failure of the cluster's own effect, or the first failure among the servers. */
export function reasonToTurn(deployment: Deployment): Problem | null {
  const { abortedBy, at, members } = deployment;
  if (abortedBy !== null) return { code: 'aborted', message: `aborted by ${abortedBy}`, detail: null };
  const failed = members.filter((member) => member.at === at && member.status === 'failed');
  const first = failed[0]?.problem;
  if (first === undefined || first === null) return deployment.problem;
  return failed.length === 1 ? first : { ...first, message: `${first.message} (and ${failed.length - 1} more servers)` };
}

/**
 * Servers that could not be reached on the way back: the operator must know which, and what becomes of them. `null`: all are back.
 * Called at the end of the way back.
 */
export function notTakenBack({ problem, cluster, members, number }: Deployment): Problem | null {
  const isLeft = (_: unknown, i: number): boolean => members[i] !== undefined && isUnfinished(members[i]);
  const left = cluster.servers.filter(isLeft);
  if (left.length === 0) return null;
  const names = left.slice(0, 5).map((server) => server.name);
  if (left.length > 5) names.push(`${left.length - 5} more`);
  const message =
    `${problem?.message ?? 'the deployment failed'}. Not taken back: ${names.join(', ')}; a lock there ends by itself. ` +
    `When they are back, bring all servers to one release: lockstep deploy ${cluster.name} (log: lockstep logs ${number})`;
  return { code: problem?.code ?? 'unreachable', message, detail: problem?.detail ?? null };
}

/** Something of the deployment may still be in force on the server: its lock, its release, its place outside the load balancer. */
export function isUnfinished(member: Member): boolean {
  return member.mayHaveSwitched || member.mayBeLocked || (member.mayBeDrained && !member.wasBehind);
}
