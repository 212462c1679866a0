// How long each stage of a deployment will take, by the cluster's last good ones.
import type { EndedRecord } from './ended.ts';
import type { Action } from './step.ts';
import { median } from './times.ts';

export type Estimate = { readonly action: Action; readonly ms: number; readonly deployments: number };

/** So many good ones are enough; servers and releases change, so that older ones say less. */
export const ESTIMATED_FROM = 10;

/** `records`: ended deployments of one cluster, newest first. Only the way forward of those that are done counts. */
export function estimates(records: readonly EndedRecord[]): Estimate[] {
  const good = records.filter(({ result, purpose }) => result === 'done' && purpose === 'deploy').slice(0, ESTIMATED_FROM);
  const by = new Map<Action, number[]>();
  for (const { action, direction, ms } of good.flatMap(({ stages }) => stages)) {
    if (direction === 'forward') by.set(action, [...(by.get(action) ?? []), ms]);
  }
  return [...by].map(([action, values]) => ({ action, ms: Math.round(median(values) ?? 0), deployments: values.length }));
}
