// Draws the weeks with uPlot: bars for what went well and what did not.
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import type { Statistics } from '../../core/statistics.ts';

const HEIGHT = 240;

/** Returns what takes it away again. */
export function draw(element: HTMLElement, weeks: Statistics['weeks']): () => void {
  const style = getComputedStyle(element);
  const colour = (name: string): string => style.getPropertyValue(name).trim();
  const bars = uPlot.paths.bars?.({ size: [0.6, 40] });
  const axis = { stroke: colour('--muted'), grid: { stroke: colour('--line') }, ticks: { stroke: colour('--line') } };
  const series = (label: string, tone: string): uPlot.Series => ({
    label,
    fill: colour(tone),
    stroke: colour(tone),
    width: 0,
    points: { show: false },
    ...(bars === undefined ? {} : { paths: bars }),
  });
  const widthOf = (): number => Math.max(200, element.clientWidth - 36);
  const chart = new uPlot(
    {
      width: widthOf(),
      height: HEIGHT,
      axes: [axis, { ...axis, size: 40, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500] }],
      scales: { y: { range: (_, __, max) => [0, Math.max(4, max)] } },
      series: [{ label: 'Week' }, series('All', '--bad'), series('Done', '--ok')],
    },
    // The bars of all stand behind those that went well: what is seen of them did not.
    [
      weeks.map(({ week }) => Date.parse(week) / 1_000),
      weeks.map(({ deployments }) => deployments),
      weeks.map(({ results }) => results.done),
    ],
    element,
  );
  const resize = new ResizeObserver(() => chart.setSize({ width: widthOf(), height: HEIGHT }));
  resize.observe(element);
  return () => {
    resize.disconnect();
    chart.destroy();
  };
}
