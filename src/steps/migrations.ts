// Built-in migrations as part of a deployment: looked at before any server is touched, executed when it is their turn.
import type { Artifact } from '../core/artifact.ts';
import type { MigrationSettings } from '../core/cluster.ts';
import { DeployError, problemOf } from '../core/errors.ts';
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
  const { migrations } = work.deployment.cluster;
  if (migrations === null) return {};
  let stopRenewing = (): void => undefined;
  try {
    // Before the lock nothing is locked that could run out.
    if (migrations.when === 'after-switch') {
      await ensureLocks(work);
      stopRenewing = keepLocks(work);
    }
    await work.tools.migrations.run(requestOf(work, migrations), await artifactOf(work), work.signal);
    return {};
  } catch (error) {
    if (work.effect.resumed && !isVerdict(error)) throw unknownState(work.deployment.number, error);
    throw error;
  } finally {
    stopRenewing();
  }
}

async function artifactOf({ deployment, tools }: Work): Promise<Artifact> {
  const artifact = deployment.artifact === null ? null : await tools.artifacts.find(deployment.artifact);
  if (artifact === null) throw new DeployError('artifact', 'the artifact is no longer on this machine; deploy the revision again');
  return artifact;
}

/** Said with a look at the records in the database; after anything else nobody has looked. */
const isVerdict = (error: unknown): boolean =>
  error instanceof DeployError && ['migration', 'refused', 'conflict', 'ambiguous'].includes(error.code);

/** The daemon died in the middle, and a file may be half executed: going back would leave it so. */
function unknownState(number: number, error: unknown): DeployError {
  const { message, detail } = problemOf(error);
  return new DeployError(
    'ambiguous',
    `the migrations of deployment ${number} were interrupted, and how far they came could not be seen: ${message}. ` +
      `When that is mended, look in lockstep_migrations which file is running there, bring the database to one or the other, then say: ` +
      `lockstep migration mark-done ${number} (that file counts as executed, the files after it run, all servers go forward) ` +
      `or: lockstep migration mark-not-done ${number} (nothing of it is there, all servers go back)`,
    detail,
    error,
  );
}

function requestOf({ deployment, token, tools }: Work, settings: MigrationSettings): MigrationRequest {
  const { number } = deployment;
  return { settings, deployment: number, token, log: (line) => tools.log(number, `${line}\n`) };
}
