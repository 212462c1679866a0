// perform: the only way from an effect to the world. One file per action says what happens; this one says which.
import type { Channel } from '../core/channel.ts';
import type { Server } from '../core/server.ts';
import type { Deployment, Member } from '../core/deployment.ts';
import type { Facts } from '../core/event.ts';
import type { Effect } from '../core/next.ts';
import { tokenOf } from '../core/next.ts';
import type { Artifacts, Builder, Migrations, OpenVersionControl, Perform } from '../core/ports.ts';
import { build } from './build.ts';
import { collect } from './collect.ts';
import { decide } from './decide.ts';
import { lock } from './lock.ts';
import { migrate } from './migrate.ts';
import { runMigrations } from './migrations.ts';
import { schedule } from './schedule.ts';
import { switchCurrent } from './switch.ts';
import { unlock } from './unlock.ts';
import { uploader } from './upload.ts';
import type { Upload } from './upload.ts';
import { verify } from './verify.ts';

export type StepTools = {
  readonly versionControl: OpenVersionControl;
  readonly builder: Builder;
  readonly artifacts: Artifacts;
  readonly migrations: Migrations;
  /** The open channel to a server of a deployment; made at the first call, kept until the deployment ends. */
  readonly channel: (deployment: Deployment, server: Server) => Channel;
  /** A channel to this machine, for a migration that runs here. */
  readonly daemonChannel: (deployment: Deployment) => Channel;
  /** Adds to the deployment's log. */
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
const CONNECT_LIMIT_MS = 40_000;

export function performer(tools: StepTools): Perform {
  const upload = uploader(tools.artifacts);
  return async (effect, deployment, signal) => {
    const work: Work = { deployment, effect, op: effect.op, token: tokenOf(deployment), tools, signal };
    if (effect.server === null)
      return effect.action === 'build' ? build(work) : deployment.cluster.migrations === null ? migrate(work) : runMigrations(work);
    const server = deployment.cluster.servers[effect.server];
    const member = deployment.members[effect.server];
    if (server === undefined || member === undefined) throw new Error(`deployment ${deployment.number} has no server ${effect.server}`);
    return onServer({ ...work, server, member, channel: tools.channel(deployment, server) }, upload);
  };
}

function onServer(work: ServerWork, upload: Upload): Promise<Facts> {
  const { cluster } = work.deployment;
  const within = (ms: number): ServerWork => ({ ...work, signal: AbortSignal.any([work.signal, AbortSignal.timeout(ms)]) });
  const limitOf = (...commands: ({ timeoutMs: number } | null)[]): number =>
    commands.reduce((sum, command) => sum + (command?.timeoutMs ?? 0), CUTOVER_LIMIT_MS);
  const { action } = work.effect;
  switch (action) {
    case 'schedule':
      return schedule(within(CONNECT_LIMIT_MS));
    case 'upload':
      return upload(within(UPLOAD_LIMIT_MS));
    case 'lock':
      return lock(within(limitOf(cluster.commands.lock, { timeoutMs: cluster.maintenance?.botsTimeoutMs ?? 0 })));
    case 'switch':
      return switchCurrent(within(CUTOVER_LIMIT_MS));
    case 'decide':
      return decide(within(CUTOVER_LIMIT_MS));
    case 'unlock':
      return unlock(within(limitOf(cluster.commands.unlock, cluster.commands.flush)));
    case 'verify':
      return verify(work);
    case 'collect':
      return collect(within(CUTOVER_LIMIT_MS));
    case 'build':
    case 'migrate':
      throw new Error(`${action} is done once for the cluster, not on a server`);
    default:
      return action satisfies never;
  }
}
