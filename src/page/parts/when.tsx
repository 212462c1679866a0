// A moment: how long ago, with the date and time for who wants to know, and for programs.
import { absolute, ago, now } from '../live/clock.ts';

export const When = ({ at }: { readonly at: string }) => (
  <time dateTime={at} title={absolute(at)}>
    {ago(at, now.value)}
  </time>
);
