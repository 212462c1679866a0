// A deployment without the servers of which there is nothing to tell: of thousands, that is most of the answer.
import type { ServerState } from '../core/server.ts';
import type { DeploymentServerView, DeploymentView } from '../core/views.ts';

const NOT_WELL: readonly ServerState[] = ['failed', 'unreachable', 'behind', 'skipped'];

/** `server`: this one as well, however it is. */
export const withOddServers = (view: DeploymentView, server: string | undefined): DeploymentView => ({
  ...view,
  servers: view.servers.filter((one) => isOdd(one) || one.name === server),
});

const isOdd = ({ state, error, warning }: DeploymentServerView): boolean => error !== null || warning !== null || NOT_WELL.includes(state);
