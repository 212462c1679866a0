// Built-in migrations as part of a deployment: looked at before any server is touched, executed when it is their turn.
import type { Artifact } from '../core/artifact.ts';
import type { MigrationSettings } from '../core/cluster.ts';
import { DeployError } from '../core/errors.ts';
import type { Facts } from '../core/event.ts';
import type { MigrationRequest } from '../core/ports.ts';
import { ensureLocks, keepLocks } from './migrate.ts';
import type { Work } from './perform.ts';

export async function checkMigrations(work: Work, artifact: Artifact): Promise<void> {
  const { migrations } = work.deployment.cluster;
  if (migrations !== null) await work.tools.migrations.check(requestOf(work, migrations), artifact, work.signal);
}

/** Idempotent: what was executed is recorded in the database, and what nobody knows is never run again. */
export async function runMigrations(work: Work): Promise<Facts> {
  const { deployment, tools, signal } = work;
  const { migrations } = deployment.cluster;
  if (migrations === null) return {};
  const artifact = deployment.artifact === null ? null : await tools.artifacts.find(deployment.artifact);
  if (artifact === null) throw new DeployError('artifact', 'the artifact is no longer on this machine; deploy the revision again');
  // Before the lock nothing is locked that could run out.
  const isLocked = migrations.when === 'after-switch';
  if (isLocked) await ensureLocks(work);
  const stopRenewing = isLocked ? keepLocks(work) : () => undefined;
  try {
    await tools.migrations.run(requestOf(work, migrations), artifact, signal);
    return {};
  } finally {
    stopRenewing();
  }
}

function requestOf({ deployment, token, tools }: Work, settings: MigrationSettings): MigrationRequest {
  const { number } = deployment;
  return { settings, deployment: number, token, log: (line) => tools.log(number, `${line}\n`) };
}
