// `plan CLUSTER`: what a deployment would do, without doing it.
import { visibleLine } from '../core/escape.ts';
import type { PlanView } from '../core/views.ts';
import { EXIT } from './failure.ts';
import type { Output } from './output.ts';
import type { Session } from './session.ts';
import { table } from './table.ts';
import { ago, commitLine, count, someNames } from './words.ts';

export async function plan({ api, output }: Session, cluster: string, revision: string | undefined): Promise<number> {
  const view = await api().plan(cluster, revision);
  output.result(view, () => planLines(view, output));
  return EXIT.done;
}

function planLines(view: PlanView, output: Output): string[] {
  const { palette } = output;
  const { live } = view;
  const facts: [string, string][] = [
    ['verdict', view.verdict],
    ['would bring', commitLine(view)],
    ['serves now', live === null ? 'nothing yet' : `${commitLine(live)}, live since ${ago(live.live)}`],
    ['artifact', view.built ? 'built already' : 'will be built'],
    ['servers', `${count(view.servers.length, 'server')}: ${someNames(view.servers, 5)}`],
  ];
  const steps = view.steps.map(({ step, what }): [string, string] => [step, what]);
  return [
    palette.strong(`plan for ${visibleLine(view.cluster)} ← ${visibleLine(view.branch)} of ${visibleLine(view.repository)}`),
    ...table([{ title: '' }, { title: '' }], facts, output.width(), palette.faint, 2),
    '',
    ...table([{ title: 'STEP' }, { title: 'WHAT' }], steps, output.width(), palette.faint, 2),
  ];
}
