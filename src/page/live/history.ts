// How long the steps of a cluster's deployments usually take: the median of the last ones that went well.
import type { StepName } from '../../core/step.ts';
import type { DeploymentView } from '../../core/views.ts';
import { get } from './api.ts';

/** Milliseconds by step. */
export type UsualTimes = ReadonlyMap<StepName, number>;

const LOOKED_AT = 6;

/** Never rejects: an estimate is a kindness, not a promise. */
export async function usualTimes(cluster: string, before: number): Promise<UsualTimes> {
  try {
    const path = `deployments?cluster=${encodeURIComponent(cluster)}&before=${before}&limit=${LOOKED_AT}`;
    const { deployments } = await get<{ deployments: readonly DeploymentView[] }>(path);
    const times = new Map<StepName, number[]>();
    for (const { steps } of deployments.filter(({ result, purpose }) => result === 'done' && purpose === 'deploy')) {
      for (const { step, startedAt, finishedAt } of steps) {
        if (startedAt === null || finishedAt === null) continue;
        times.set(step, [...(times.get(step) ?? []), Date.parse(finishedAt) - Date.parse(startedAt)]);
      }
    }
    return new Map([...times].map(([step, took]) => [step, took.sort((a, b) => a - b)[took.length >> 1] ?? 0]));
  } catch {
    return new Map();
  }
}
