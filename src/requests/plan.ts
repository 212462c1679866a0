// plan: what a deployment would do now, without doing it.
import type { Cluster } from '../core/cluster.ts';
import { courseOf } from '../core/course.ts';
import { decideDeploy } from '../core/decide.ts';
import { outcomeText } from '../core/event-text.ts';
import type { Source } from '../core/mapping.ts';
import type { Engine, OpenVersionControl, Store } from '../core/ports.ts';
import type { Build, Repository } from '../core/repository.ts';
import { clusterOf } from '../core/state.ts';
import type { StepName } from '../core/step.ts';
import { releaseView } from '../core/view-of.ts';
import type { PlanView } from '../core/views.ts';

export type PlanTools = { readonly engine: Engine; readonly store: Store; readonly versionControl: OpenVersionControl };

/** Rejects with `repository` when the revision does not belong to the branch. */
export async function planOf(
  { engine, versionControl }: PlanTools,
  { cluster, branch, build, from }: Source & { from: Repository },
  revision: string,
  signal: AbortSignal,
): Promise<PlanView> {
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
  };
  const outcome = decideDeploy(engine.state, request).result;
  const live = record.releases[0];
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
    built: record.releases.some((release) => release.revision === commit.revision),
    steps: stepsOf(cluster, build),
    servers: cluster.servers.map((server) => server.name),
    verdict: `${outcomeText(outcome)}${lock}`,
  };
}

function stepsOf(cluster: Cluster, build: Build): PlanView['steps'] {
  const steps = [...new Set(courseOf(cluster).map((stage) => stage.step))];
  return steps.map((step) => ({ step, what: whatHappens(step, cluster, build) }));
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
      return `send what changed, at most ${cluster.concurrency} servers at a time; verify it on the server`;
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
