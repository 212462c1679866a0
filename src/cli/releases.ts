// `releases CLUSTER`: what the cluster served before, and what it can go back to.
import { visible } from '../core/escape.ts';
import type { PastReleaseView } from '../core/views.ts';
import { EXIT } from './failure.ts';
import type { Output } from './output.ts';
import type { Session } from './session.ts';
import { table } from './table.ts';
import type { Cell } from './table.ts';
import { ago, shortRevision, subject } from './words.ts';

export async function releases({ api, output }: Session, cluster: string): Promise<number> {
  const answer = await api().releases(cluster);
  output.result(answer, () => lines(cluster, answer.releases, output));
  return EXIT.done;
}

function lines(cluster: string, all: readonly PastReleaseView[], output: Output): string[] {
  if (all.length === 0) return [`Nothing was deployed to ${visible(cluster)} yet.`];
  const columns = [
    { title: 'STATE' },
    { title: 'REVISION' },
    { title: 'BY', shrink: true },
    { title: 'SINCE' },
    { title: 'ON', align: 'right' as const },
    { title: 'DEPLOYMENT', align: 'right' as const },
    { title: 'MESSAGE', shrink: true },
    { title: 'RELEASE' },
  ];
  const rows = all.map((one): Cell[] => [
    one.state,
    one.revision === '' ? '' : shortRevision(one.revision),
    one.author,
    ago(one.live),
    `${one.present}/${one.present + one.missing.length}`,
    String(one.deployment),
    subject(one.reason ?? one.message),
    one.id,
  ]);
  const more = all.some((one) => one.state === 'good') ? [`Go back: lockstep rollback ${visible(cluster)} [--to RELEASE]`] : [];
  return [...table(columns, rows, output.width(), output.palette.faint), ...more];
}
