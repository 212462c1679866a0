// The compact stream of one deployment (`events?form=cells`): some twenty bytes for each thing that a server does.
import type { Cell } from '../../core/insight.ts';
import type { Stage } from '../../core/step.ts';
import { listenToEverything } from './event-stream.ts';
import { isTurnedTo, turnTo } from './one-stream.ts';
import type { Source } from './one-stream.ts';

/** A stage of the course, as the stream tells it. */
export type CourseStage = Pick<Stage, 'action' | 'step' | 'direction'>;

export type CellListener = {
  readonly onCourse: (course: readonly CourseStage[]) => void;
  /** In order, none left out and none twice. */
  readonly onCells: (cells: readonly Cell[]) => void;
  /** Something happened to the deployment itself: ask for it anew. */
  readonly onChange: () => void;
  readonly onEnd: () => void;
};

export type CellStream = {
  /** Begins after the journal's event `after`. */
  begin(after: number): void;
  /** Turns the connection back to everything; so does the deployment's end. */
  leave(): void;
};

/** Turns the tab's connection to the deployment, but waits for `begin`. */
export function openCells(deployment: number, listener: CellListener): CellStream {
  const source: Source = {
    path: `events?form=cells&deployment=${deployment}`,
    lastId: null,
    isReady: false,
    opened: () => undefined,
    take({ event, data }) {
      if (event === 'message') listener.onCells(JSON.parse(data) as Cell[]);
      else if (event === 'course') listener.onCourse(JSON.parse(data) as CourseStage[]);
      else if (event === 'change') listener.onChange();
      else if (event === 'end') {
        leave();
        listener.onEnd();
      }
      // `resync`: we were too slow and are sent away. The next connection begins after the last id, so that nothing is missed.
    },
  };
  const leave = (): void => {
    if (isTurnedTo(source)) listenToEverything();
  };
  turnTo(source);
  return {
    begin(after) {
      source.lastId = String(after);
      source.isReady = true;
      turnTo(source);
    },
    leave,
  };
}
