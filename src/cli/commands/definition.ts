// What a command does with its arguments and options, as its definition says it.
import type { Command } from 'commander';
import type { Session } from '../session.ts';

/**
 * `args`: an argument that may be left out and is, is undefined. `options`: those that the definition names, by their long names. Both are as
 * commander has read and checked them. Resolves with the exit code.
 */
export type Perform<Options> = (session: Session, args: string[], options: Options) => Promise<number>;

/** Ends the definition of a command. */
export type Does = <Options extends object>(command: Command, perform: Perform<Options>) => void;
