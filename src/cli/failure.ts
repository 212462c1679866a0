// How a command ends when it does not succeed: the exit codes of the contract, and which error gives which.
import { CommanderError } from 'commander';
import { DeployError } from '../core/errors.ts';

export const EXIT = {
  done: 0,
  failed: 1,
  /** Wrong usage or wrong configuration. */
  usage: 2,
  /** No daemon answers. */
  unreachable: 3,
  /** Ctrl-C: 128 + SIGINT, as shells have it. */
  interrupted: 130,
  /** The reader of our output went away: 128 + SIGPIPE. */
  pipe: 141,
} as const;

/** A command cannot do what was asked. `code` is for programs (`--json`), the message for people: what, where, what to do. */
export class CommandFailure extends Error {
  readonly code: string;
  readonly exit: number;

  constructor(code: string, exit: number, message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'CommandFailure';
    this.code = code;
    this.exit = exit;
  }
}

/** The API answered with an error. `status` is HTTP's. */
export class ApiFailure extends CommandFailure {
  readonly status: number;

  constructor(code: string, status: number, message: string) {
    super(code, EXIT.failed, message);
    this.name = 'ApiFailure';
    this.status = status;
  }
}

export const usageFailure = (message: string): CommandFailure => new CommandFailure('usage', EXIT.usage, message);

/** What to tell about anything that was thrown. */
export type Told = { readonly code: string; readonly exit: number; readonly message: string; readonly detail: string | null };

export function tellOf(error: unknown): Told {
  if (error instanceof CommandFailure) return { code: error.code, exit: error.exit, message: error.message, detail: null };
  if (error instanceof DeployError) {
    return {
      code: error.code,
      exit: error.code === 'configuration' ? EXIT.usage : EXIT.failed,
      message: error.message,
      detail: error.detail,
    };
  }
  if (error instanceof CommanderError) {
    return {
      code: 'usage',
      exit: EXIT.usage,
      message: `${error.message.replace(/^error: /, '')}\nHelp: lockstep --help, lockstep COMMAND --help`,
      detail: null,
    };
  }
  const message = error instanceof Error ? error.message : String(error);
  return {
    code: 'bug',
    exit: EXIT.failed,
    message: `unexpected: ${message}. This is a fault of Lockstep itself; please report it together with the lines below.`,
    detail: error instanceof Error ? (error.stack ?? null) : null,
  };
}
