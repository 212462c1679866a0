// Shows a deployment until it has ended: a block redrawn in place on a terminal, plain lines when piped, nothing but the result as JSON.
import type { DeploymentView } from '../core/views.ts';
import { resultPaint, summary } from './deployment-words.ts';
import { CommandFailure, EXIT } from './failure.ts';
import { follow } from './follow.ts';
import type { Watcher } from './follow.ts';
import { createLiveBlock } from './live-block.ts';
import type { LiveBlock } from './live-block.ts';
import { progressBlock } from './progress-block.ts';
import { createProgressLines } from './progress-lines.ts';
import { createProgressState } from './progress-state.ts';
import type { Session } from './session.ts';

/** Follows deployment `number` to its end and says how it ended. Returns the exit code: 0 only for the result `done`. */
export async function showProgress(session: Session, number: number): Promise<number> {
  const { output } = session;
  const view = await (output.live ? onTerminal(session, number) : inLines(session, number));
  output.result(view, () => [resultPaint(view, output.palette)(summary(view))]);
  return view.result === 'done' ? EXIT.done : EXIT.failed;
}

/** The same on a terminal with a place above the block: `alongside` gets a function that writes there, and ends when it likes. */
export async function onTerminal(
  session: Session,
  number: number,
  alongside?: (block: LiveBlock) => Promise<void>,
): Promise<DeploymentView> {
  const { io, output } = session;
  const state = createProgressState();
  let lost: string | null = null;
  const block = createLiveBlock(io.stdout, (width) => progressBlock(state, output.palette, width, lost));
  const watcher: Watcher = {
    view(view) {
      state.apply(view);
      block.change();
    },
    event(event) {
      state.note(event);
      block.change();
    },
    connection(problem) {
      lost = problem;
      block.change();
    },
  };
  const over = new AbortController();
  try {
    const followed = follow(session.api(), number, watcher, AbortSignal.any([io.signal, over.signal]));
    const [view] = await Promise.all([followed, alongside?.(block)]);
    return view;
  } catch (error) {
    throw leaving(error, number);
  } finally {
    over.abort();
    block.end(true);
  }
}

async function inLines(session: Session, number: number): Promise<DeploymentView> {
  const { io, output } = session;
  try {
    return await follow(session.api(), number, output.json ? silent : createProgressLines(output.line), io.signal);
  } catch (error) {
    throw leaving(error, number);
  }
}

const silent: Watcher = { view: () => undefined, event: () => undefined, connection: () => undefined };

/** Who leaves must know that the deployment does not. */
function leaving(error: unknown, number: number): unknown {
  if (!(error instanceof CommandFailure) || error.exit !== EXIT.interrupted) return error;
  return new CommandFailure(
    error.code,
    error.exit,
    `No longer following; deployment ${number} goes on. See it again: lockstep wait ${number}. Stop it: lockstep abort ${number}`,
  );
}
