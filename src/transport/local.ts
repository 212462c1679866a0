// This machine as a server: the same agent and the same layout, without ssh.
import { startChild } from './child.ts';
import { ConnectionLost } from './link.ts';
import type { Link } from './link.ts';
import { endedBy } from './ssh-failure.ts';

export function localLink(): Link {
  return {
    connect: ([file = 'sh', ...args]) => {
      const nothingLeft = (): Promise<void> => Promise.resolve();
      return Promise.resolve({ child: startChild(file, args), carrier: { rsh: null }, clean: nothingLeft });
    },
    explain: (ended) => new ConnectionLost('unreachable', 'again', endedBy('the agent', ended)),
  };
}
