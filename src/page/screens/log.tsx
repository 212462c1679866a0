// The log of a deployment, opened when somebody can see it: that of thousands of servers is larger than all the rest of the screen.
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { openLog } from '../live/deployment-log.ts';
import type { LiveLog } from '../live/deployment-log.ts';
import { LogView } from './log-view.tsx';

/** The log of so many servers is read at once. */
const FEW = 500;

export function Log({ number, names }: { readonly number: number; readonly names: readonly string[] }) {
  const place = useRef<HTMLDivElement>(null);
  const isWanted = useSignal(names.length <= FEW);
  const log = useSignal<LiveLog | null>(null);
  useEffect(() => {
    if (isWanted.value || place.current === null) return undefined;
    const watcher = new IntersectionObserver((entries) => {
      if (entries.some((entry) => entry.isIntersecting)) isWanted.value = true;
    });
    watcher.observe(place.current);
    return () => watcher.disconnect();
  }, [isWanted.value]);
  useEffect(() => {
    if (!isWanted.value) return undefined;
    const opened = openLog(number, names);
    log.value = opened;
    return opened.close;
  }, [number, isWanted.value]);
  return (
    <div ref={place} class="log-place">
      {log.value !== null && <LogView number={number} log={log.value} names={names} />}
    </div>
  );
}
