// plan: what a deployment would do now, without doing it.
import type { Cluster, MigrationSettings } from '../core/cluster.ts';
import { transferSettings } from '../core/carrier.ts';
import { courseOf } from '../core/course.ts';
import { parseDatabaseUrl, shownDatabase } from '../core/database-url.ts';
import { decideDeploy } from '../core/decide.ts';
import { problemOf } from '../core/errors.ts';
import { outcomeText } from '../core/event-text.ts';
import type { Source } from '../core/mapping.ts';
import type { Artifacts, Engine, Migrations, OpenVersionControl, Store } from '../core/ports.ts';
import type { Build, Repository } from '../core/repository.ts';
import { clusterOf } from '../core/state.ts';
import type { StepName } from '../core/step.ts';
import { releaseView } from '../core/view-of.ts';
import { zonesText } from '../core/zone.ts';
import type { PlanView } from '../core/views.ts';

export type PlanTools = {
  readonly engine: Engine;
  readonly store: Store;
  readonly versionControl: OpenVersionControl;
  readonly artifacts: Artifacts;
  readonly migrations: Migrations;
};

/** A plan does not wait longer for a database. */
const DATABASE_LIMIT_MS = 5_000;

/** Rejects with `repository` when the revision does not belong to the branch. */
export async function planOf(
  tools: PlanTools,
  { cluster, branch, build, from }: Source & { from: Repository },
  revision: string,
  signal: AbortSignal,
): Promise<PlanView> {
  const { engine, versionControl } = tools;
  const commit = await versionControl(from).commit(branch, revision, signal);
  const { record } = clusterOf(engine.state, cluster.name);
  const request = {
    cluster,
    repository: from,
    branch,
    build,
    revision: commit.revision,
    requestedBy: 'plan',
    reason: 'plan',
    force: false,
    atOnce: true,
  };
  const outcome = decideDeploy(engine.state, request).result;
  const live = record.releases[0];
  const made = record.releases.find((release) => release.revision === commit.revision);
  const lock =
    record.locked === null ? '' : `; it waits, because ${cluster.name} is locked by ${record.locked.by}: ${record.locked.reason}`;
  return {
    cluster: cluster.name,
    repository: from.name,
    branch,
    revision: commit.revision,
    author: commit.author,
    message: commit.message,
    live: live === undefined ? null : releaseView(live),
    built: made !== undefined,
    steps: stepsOf(cluster, build, await newFiles(tools, cluster, made?.artifact ?? null, signal)),
    servers: cluster.servers.map((server) => server.name),
    verdict: `${outcomeText(outcome)}${lock}`,
  };
}

/** Which files would run, if the artifact is there and the database answers; otherwise why that is not known. */
async function newFiles({ artifacts, migrations }: PlanTools, cluster: Cluster, id: string | null, signal: AbortSignal): Promise<string> {
  if (cluster.migrations === null) return '';
  const artifact = id === null ? null : await artifacts.find(id);
  if (artifact === null) return 'which of them are new is known when it is built';
  try {
    const names = await migrations.pending(cluster.migrations, artifact, AbortSignal.any([signal, AbortSignal.timeout(DATABASE_LIMIT_MS)]));
    return names.length === 0 ? 'none is new' : `new: ${names.join(', ')}`;
  } catch (error) {
    return `which of them are new is not known: ${problemOf(error).message}`;
  }
}

function stepsOf(cluster: Cluster, build: Build, files: string): PlanView['steps'] {
  const steps = [...new Set(courseOf(cluster).map((stage) => stage.step))];
  return steps.map((step) => {
    const isBuiltIn = step === 'migrate' && cluster.migrations !== null;
    return { step, what: isBuiltIn ? `${whatMigrates(cluster.migrations)}; ${files}` : whatHappens(step, cluster, build) };
  });
}

function whatMigrates({ directory, database }: MigrationSettings): string {
  const address = parseDatabaseUrl(database);
  return `execute the new files of ${directory} in ${'problem' in address ? database : shownDatabase(address)}`;
}

function whatCarries(cluster: Cluster): string {
  if (transferSettings(cluster).carrier === 'rsync') return 'send what changed with rsync';
  const zones = zonesText(cluster);
  const ways = zones === '' ? '' : `; ${zones}`;
  return `send what changed as one pack (as a patch over slow lines, with rsync where a server has no GNU tar, or it is more than 1 GiB)${ways}`;
}

function whatHappens(step: StepName, cluster: Cluster, build: Build): string {
  const { commands, maintenance } = cluster;
  const count = cluster.servers.length;
  switch (step) {
    case 'build':
      return build.command === null ? 'export the revision' : `export the revision, run \`${build.command}\`, take ${build.output}`;
    case 'schedule':
      return `open a channel to each of ${count} servers, at most ${cluster.connections} at a time`;
    case 'upload':
      return `${whatCarries(cluster)}, at most ${cluster.concurrency} servers at a time; verify it on the server`;
    case 'lock':
      return [
        commands.drain === null ? null : `run \`${commands.drain.run}\``,
        maintenance === null ? null : `show the maintenance page, for at most ${maintenance.lockTimeoutMs / 1000} s`,
        commands.lock === null ? null : `run \`${commands.lock.run}\``,
      ]
        .filter((one) => one !== null)
        .join('; ');
    case 'switch':
      return `point \`current\` to the release${commands.install === null ? '' : `; run \`${commands.install.run}\``}`;
    case 'migrate':
      return `run once, on ${commands.migrate?.on ?? cluster.servers[0]?.name ?? 'a server'}: \`${commands.migrate?.run ?? ''}\``;
    case 'unlock':
      return ['take the maintenance page away', commands.unlock, commands.flush]
        .filter((one) => one !== null)
        .map((one) => (typeof one === 'string' ? one : `run \`${one.run}\``))
        .join('; ');
    case 'verify':
      return checksOf(cluster).join('; ');
    default:
      return step satisfies never;
  }
}

function checksOf({ verify, commands }: Cluster): string[] {
  const said =
    verify === null ? [] : [...verify.http, ...verify.cluster].map(({ url, status, when }) => `ask ${url} ${when}, expect ${status}`);
  if (verify !== null && verify.heartbeat !== null) said.push(`run \`${verify.heartbeat.run}\``);
  if (commands.readd !== null) said.push(`run \`${commands.readd.run}\``);
  return [...said, 'remove releases that are no longer kept'];
}
