// The channels of running deployments: one per server, opened by the first verb, kept until the deployment has ended.
import { join } from 'node:path';
import type { Channel, Transport } from '../core/channel.ts';
import type { Cluster } from '../core/cluster.ts';
import type { Deployment } from '../core/deployment.ts';
import type { Server } from '../core/server.ts';
import type { StepTools } from './perform.ts';

export type Channels = Pick<StepTools, 'channel' | 'daemonChannel'> & {
  /** Connects with the servers of a cluster that will probably be deployed to in a moment. */
  connectAhead(cluster: Cluster): void;
  /** Ends all conversations of a deployment. */
  close(deployment: Deployment): Promise<void>;
  closeAll(): Promise<void>;
};

/** `migrations`: directory for commands that run on the daemon's own machine. */
export function openChannels(transport: Transport, epoch: number, migrations: string): Channels {
  const open = new Map<number, Map<string, Channel>>();

  function channel(deployment: Deployment, server: Server, lane?: string): Channel {
    const own = open.get(deployment.number) ?? new Map<string, Channel>();
    open.set(deployment.number, own);
    const key = `${server.transport} ${server.name}${lane === undefined ? '' : ` ${lane}`}`;
    let one = own.get(key);
    if (one === undefined) {
      one = transport.channel(server, { epoch, cluster: deployment.cluster, ...(lane !== undefined && { lane }) });
      own.set(key, one);
    }
    return one;
  }

  async function close(number: number): Promise<void> {
    const own = [...(open.get(number)?.values() ?? [])];
    open.delete(number);
    await Promise.all(own.map((one) => one.close()));
  }

  return {
    channel,
    daemonChannel: (deployment) => {
      const path = join(migrations, deployment.cluster.name);
      return channel(deployment, { name: 'daemon', transport: 'local', host: 'localhost', port: 0, user: null, path });
    },
    connectAhead: (cluster) => {
      for (const server of cluster.servers) transport.connectAhead?.(server, { epoch, cluster });
    },
    close: (deployment) => close(deployment.number),
    closeAll: async () => {
      await Promise.all([...open.keys()].map(close));
    },
  };
}
