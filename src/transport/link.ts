// How one server is reached: what starts its agent, what carries its files, and what the end of a connection means.
import type { ErrorCode } from '../core/errors.ts';
import { visibleLine } from '../core/escape.ts';
import type { Child, Ended } from './child.ts';
import type { Carrier } from './rsync-argv.ts';

/** One connection that is being made or is open. */
export type Connection = {
  /** Speaks with the agent's boot on its standard input and output. */
  readonly child: Child;
  /** How rsync rides on this connection. */
  readonly carrier: Carrier;
  /** Removes what the connection left on this machine. Called once, after `child` has ended. */
  readonly clean: () => Promise<void>;
};

export type Link = {
  /** Starts the connection. `boot` is the argument list to run on the server. Rejects with DeployError `configuration`. */
  connect(boot: readonly string[]): Promise<Connection>;
  /** Says why a connection ended. `wasReady`: the agent had answered before. */
  explain(ended: Ended, wasReady: boolean): ConnectionLost;
};

/** A connection that could not be made, or broke. `final`: to try again cannot help. `dropped`: a busy sshd turned us away. */
export class ConnectionLost extends Error {
  readonly code: ErrorCode;
  readonly retry: 'final' | 'dropped' | 'again';

  constructor(code: ErrorCode, retry: 'final' | 'dropped' | 'again', message: string) {
    // The words may be the server's own.
    super(visibleLine(message).slice(0, 1_000));
    this.name = 'ConnectionLost';
    this.code = code;
    this.retry = retry;
  }
}
