// `statistics`: how often is deployed, how long it takes, how much goes wrong, and how soon it is mended.
import { visibleLine } from '../core/escape.ts';
import type { Figures, Statistics } from '../core/statistics.ts';
import { EXIT } from './failure.ts';
import type { Output } from './output.ts';
import type { Session } from './session.ts';
import { table } from './table.ts';
import type { Cell } from './table.ts';
import { duration } from './words.ts';

export async function statistics({ api, output }: Session, cluster: string | undefined, since: string): Promise<number> {
  const answer = await api().statistics({ cluster, since });
  output.result(answer, () => lines(answer, output));
  return EXIT.done;
}

function lines(found: Statistics, output: Output): string[] {
  const { since, until, total, clusters, slowest, definitions } = found;
  const head = `From ${visibleLine(since.slice(0, 10))} to ${visibleLine(until.slice(0, 10))}`;
  if (total.deployments === 0) return [`${head} nothing was deployed.`];
  const titles = ['CLUSTER', 'DEPLOYMENTS', 'CHANGES/WEEK', 'LEAD TIME', 'FAILED', 'RECOVERY', 'CUTOVER', 'DURATION'];
  const columns = titles.map((title, i) => ({ title, align: i === 0 ? ('left' as const) : ('right' as const) }));
  const rows = clusters.map((one) => row(one.cluster, one));
  const all = clusters.length > 1 ? [row('all', total)] : [];
  return [
    `${head}${found.truncated ? ', the newest of them' : ''}:`,
    '',
    ...table(columns, [...rows, ...all], output.width(), output.palette.faint),
    ...slowestLines(slowest, output),
    '',
    ...(['changes', 'changesPerWeek', 'leadTimeMs', 'changeFailureRate', 'timeToRecoveryMs', 'cutoverMs'] as const).map((name) =>
      output.palette.faint(`${WORDS[name]}: ${visibleLine(definitions[name])}`),
    ),
  ];
}

const WORDS = {
  changes: 'Changes',
  changesPerWeek: 'Changes/week',
  leadTimeMs: 'Lead time',
  changeFailureRate: 'Failed',
  timeToRecoveryMs: 'Recovery',
  cutoverMs: 'Cutover',
} as const;

function row(name: string, figures: Figures): Cell[] {
  const time = (ms: number | null): string => (ms === null ? '–' : duration(ms));
  const { deployments, changesPerWeek, leadTimeMs, failedChanges, changes, changeFailureRate, timeToRecoveryMs, cutoverMs } = figures;
  const failed = changeFailureRate === null ? '–' : `${failedChanges} of ${changes} (${Math.round(changeFailureRate * 100)} %)`;
  return [
    name,
    String(deployments),
    changesPerWeek.toFixed(1),
    time(leadTimeMs),
    failed,
    time(timeToRecoveryMs),
    time(cutoverMs),
    time(figures.durationMs),
  ];
}

function slowestLines(slowest: Statistics['slowest'], output: Output): string[] {
  if (slowest.length === 0) return [];
  const columns = [
    { title: 'SLOW SERVER' },
    { title: 'CLUSTER' },
    { title: 'DEPLOYMENTS', align: 'right' as const },
    { title: 'SLOWER BY' },
  ];
  const rows = slowest
    .slice(0, 10)
    .map(({ server, cluster, times, slowerByMs }): Cell[] => [server, cluster, String(times), duration(slowerByMs)]);
  return ['', ...table(columns, rows, output.width(), output.palette.faint)];
}
