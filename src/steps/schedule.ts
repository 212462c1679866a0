// schedule: the server gets its slot: a channel is opened, and the server says what it serves and whether it can take a release.
import { DeployError } from '../core/errors.ts';
import type { Facts } from '../core/event.ts';
import { greet } from './greetings.ts';
import { handleChanges, looksBefore } from './changed-release.ts';
import type { ServerWork } from './perform.ts';
import { putAside } from './put-aside.ts';

/** Less than this much room, and nothing is sent at all. */
const LEAST_FREE_BYTES = 16 * 1024 * 1024;
const LEAST_FREE_INODES = 256;

/** `changed`: the same work with more time, for a server whose release was changed. */
export async function schedule(work: ServerWork, changed: ServerWork): Promise<Facts> {
  const { channel, server, deployment, tools, signal } = work;
  const greeting = await greet(channel, tools.now, signal, looksBefore(deployment) ? 'tree' : undefined);
  const where = `${server.name} (${server.path})`;
  if (greeting.freeBytes < LEAST_FREE_BYTES) {
    const free = Math.floor(greeting.freeBytes / 1024);
    throw new DeployError('disk', `${where} has only ${free} KiB free; make room there, then deploy again`);
  }
  if (greeting.freeInodes < LEAST_FREE_INODES) {
    throw new DeployError('disk', `${where} has only ${greeting.freeInodes} inodes free; remove files there, then deploy again`);
  }
  if (greeting.rsync === null) throw new DeployError('unreachable', `${where} has no rsync; install it there, then deploy again`);
  const warning = await handleChanges(changed, greeting);
  // Whoever was away may be back with what it had then: nobody is to meet that while the right release is on its way.
  if (deployment.purpose === 'catch-up' && greeting.current !== deployment.release) await putAside(work);
  return {
    current: greeting.current,
    ...(greeting.revision === null ? {} : { revision: greeting.revision }),
    ...(warning === null ? {} : { warning }),
  };
}
