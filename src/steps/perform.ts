// perform: the only way from an effect to the world. One file per action says what happens; this one says which.
import type { Channel } from '../core/channel.ts';
import type { Server } from '../core/server.ts';
import type { Deployment, Member } from '../core/deployment.ts';
import type { Facts } from '../core/event.ts';
import type { Effect } from '../core/next.ts';
import { tokenOf } from '../core/next.ts';
import type { Artifacts, Builder, Masking, Migrations, OpenVersionControl, OutsideFiles, Packer, Perform } from '../core/ports.ts';
import type { ReleaseRecord } from '../core/records.ts';
import { build } from './build.ts';
import { runStage } from './command-stage.ts';
import { looksBefore } from './changed-release.ts';
import { collect } from './collect.ts';
import { decide } from './decide.ts';
import { greetAhead } from './greetings.ts';
import { lock } from './lock.ts';
import { migrate } from './migrate.ts';
import { runMigrations } from './migrations.ts';
import { schedule } from './schedule.ts';
import type { Shapes } from './shapes.ts';
import { switchCurrent } from './switch.ts';
import { unlock } from './unlock.ts';
import { uploader } from './upload.ts';
import type { Upload } from './upload.ts';
import { confirm, exercise, probe, verify } from './verify.ts';

export type StepTools = {
  readonly versionControl: OpenVersionControl;
  readonly builder: Builder;
  readonly artifacts: Artifacts;
  readonly packer: Packer;
  readonly migrations: Migrations;
  /**
   * The open channel to a server of a deployment; made at the first call, kept until the deployment ends. `lane`: another one, see
   * ChannelSettings.
   */
  readonly channel: (deployment: Deployment, server: Server, lane?: string) => Channel;
  /** A channel to this machine, for a migration that runs here. */
  readonly daemonChannel: (deployment: Deployment) => Channel;
  readonly shapes: Shapes;
  /** A release that was live on the cluster, by its name; `null`: none of that name is remembered. */
  readonly remembered: (cluster: string, release: string) => ReleaseRecord | null;
  /** Is the server marked as drifted? Then its files are not believed. */
  readonly isDrifted: (cluster: string, server: string) => boolean;
  readonly files: OutsideFiles;
  readonly mask: Masking['mask'];
  /** Adds to the deployment's log, which masks it. */
  readonly log: (deployment: number, text: string) => void;
  /** Milliseconds since 1970. */
  readonly now: () => number;
};

/** What one action on one server works with. */
export type Work = {
  readonly deployment: Deployment;
  readonly effect: Effect;
  readonly op: string;
  /** The token of the deployment's lock on the servers. */
  readonly token: string;
  readonly tools: StepTools;
  readonly signal: AbortSignal;
};

export type ServerWork = Work & { readonly server: Server; readonly member: Member; readonly channel: Channel };

/** A verb that takes longer than this is lost: the cutover must not wait for one server for ever. */
const CUTOVER_LIMIT_MS = 30_000;
const UPLOAD_LIMIT_MS = 3_600_000;
/** Users are served by then; disks may be slow. */
const COLLECT_LIMIT_MS = 180_000;
const CONNECT_LIMIT_MS = 40_000;
/** Added for each server of a cluster, since they take turns to connect. */
const TURN_MS = 100;
/** Servers of a cluster that are asked what they serve while it is being built; in a larger one they are only connected to. */
const GREETED_AHEAD = 50;
/** For a server whose release was changed: its files are listed, and copied where the cluster wants it. */
const CHANGED_LIMIT_MS = 900_000;

export function performer(tools: StepTools): Perform {
  const upload = uploader(tools.artifacts, tools.packer);
  return async (effect, deployment, signal) => {
    const work: Work = { deployment, effect, op: effect.op, token: tokenOf(deployment), tools, signal };
    await readFiles(work);
    if (effect.server === null) return onCluster(work);
    const server = deployment.cluster.servers[effect.server];
    const member = deployment.members[effect.server];
    if (server === undefined || member === undefined) throw new Error(`deployment ${deployment.number} has no server ${effect.server}`);
    return onServer({ ...work, server, member, channel: tools.channel(deployment, server) }, upload);
  };
}

function onCluster(work: Work): Promise<Facts> {
  const { action } = work.effect;
  switch (action) {
    case 'build':
      askAhead(work);
      return build(work);
    case 'migrate':
      return work.deployment.cluster.migrations === null ? migrate(work) : runMigrations(work);
    case 'confirm':
      return confirm(work);
    default:
      throw new Error(`${action} is done on every server, not once for the cluster`);
  }
}

/** While it is being built servers are connected to, and say what they serve: most of that is waiting. */
function askAhead({ deployment, tools, signal }: Work): void {
  deployment.cluster.servers.forEach((server, index) => {
    if (deployment.members[index]?.excluded !== null) return;
    const channel = tools.channel(deployment, server);
    // Of a large fleet some wait long for their turn to connect; and what somebody changed by hand until then is looked for when it begins.
    if (deployment.cluster.servers.length > GREETED_AHEAD || looksBefore(deployment)) channel.connect(signal);
    else greetAhead(channel, tools.now, signal);
  });
}

/**
 * Without its files and secrets no deployment begins, and nothing is logged before its secrets are known. A roll back may find the files on
 * the servers, and what undoes or ends a deployment that has begun needs none.
 */
async function readFiles({ deployment, effect, tools, signal }: Work): Promise<void> {
  const mustHave = deployment.target === null && ['build', 'schedule', 'upload'].includes(effect.action);
  await tools.files.read(deployment, signal).catch((error: unknown) => {
    if (mustHave) throw error;
  });
}

function onServer(work: ServerWork, upload: Upload): Promise<Facts> {
  const { cluster } = work.deployment;
  const within = (ms: number): ServerWork => ({ ...work, signal: AbortSignal.any([work.signal, AbortSignal.timeout(ms)]) });
  const limitOf = (...commands: ({ timeoutMs: number } | null)[]): number =>
    commands.reduce((sum, command) => sum + (command?.timeoutMs ?? 0), CUTOVER_LIMIT_MS);
  const { action } = work.effect;
  switch (action) {
    case 'schedule':
      return schedule(within(CONNECT_LIMIT_MS + TURN_MS * cluster.servers.length), within(CHANGED_LIMIT_MS));
    case 'upload':
      return upload(within(UPLOAD_LIMIT_MS));
    case 'exercise':
      return exercise(work);
    case 'drain':
    case 'install':
    case 'readd':
      return runStage(within(limitOf(cluster.commands[action])), action);
    case 'lock':
      return lock(within(limitOf(cluster.commands.lock, { timeoutMs: cluster.maintenance?.botsTimeoutMs ?? 0 })));
    case 'switch':
      return switchCurrent(within(CUTOVER_LIMIT_MS));
    case 'decide':
      return decide(within(CUTOVER_LIMIT_MS));
    case 'unlock':
      return unlock(within(limitOf(cluster.commands.unlock, cluster.commands.flush)));
    case 'probe':
      return probe(work);
    case 'verify':
      return verify(work);
    case 'collect':
      return collect(within(COLLECT_LIMIT_MS));
    case 'build':
    case 'migrate':
    case 'confirm':
      throw new Error(`${action} is done once for the cluster, not on a server`);
    default:
      return action satisfies never;
  }
}
