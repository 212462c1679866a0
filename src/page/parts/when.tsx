// A moment: how long ago, with the date and time for who points at it, and for programs. They are written when somebody does: a page's first
// use of Intl takes as long as drawing the board.
import { absolute, ago, now } from '../live/clock.ts';

export const When = ({ at }: { readonly at: string }) => (
  <time dateTime={at} onMouseEnter={(event) => (event.currentTarget.title = absolute(at))}>
    {ago(at, now.value)}
  </time>
);
