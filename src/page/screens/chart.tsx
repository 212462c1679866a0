// Deployments by week: how many went well and how many did not. The chart's library is loaded only here.
import { useEffect, useRef } from 'preact/hooks';
import type { Statistics } from '../../core/statistics.ts';
import { isDark } from '../parts/theme.ts';

export function Chart({ weeks }: { readonly weeks: Statistics['weeks'] }) {
  const place = useRef<HTMLDivElement>(null);
  const dark = isDark.value;
  useEffect(() => {
    const element = place.current;
    if (element === null) return undefined;
    let isGone = false;
    let end = (): void => undefined;
    void import('./chart-drawing.ts').then(({ draw }) => {
      if (!isGone) end = draw(element, weeks);
    });
    return () => {
      isGone = true;
      end();
    };
  }, [weeks, dark]);
  const last = weeks.at(-1);
  return (
    <div
      class="card chart"
      ref={place}
      role="img"
      aria-label={`Deployments of ${weeks.length} weeks; in the last one ${last?.results.done ?? 0} went well, of ${last?.deployments ?? 0}`}
    />
  );
}
