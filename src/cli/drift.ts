// `drift [CLUSTER]`: what on the servers is not as the daemon left it.
import { visibleLine } from '../core/escape.ts';
import type { FindingKind } from '../core/drift.ts';
import type { DriftView } from '../core/views.ts';
import { EXIT } from './failure.ts';
import type { Output } from './output.ts';
import { failureLine, groupFailures } from './same-failure.ts';
import type { Session } from './session.ts';
import { count } from './words.ts';

/** Exit 1 when drift was found, a server did not answer, or the one cluster that was asked for could not be compared. */
export async function drift({ api, output }: Session, cluster: string | undefined): Promise<number> {
  if (cluster !== undefined) {
    const view = await api().drift(cluster);
    output.result(view, () => driftLines(view, output));
    return view.drift || view.skipped !== null ? EXIT.failed : EXIT.done;
  }
  const views: DriftView[] = [];
  for (const one of (await api().overview()).clusters) views.push(await api().drift(one.cluster));
  output.result({ clusters: views }, () =>
    views.length === 0 ? ['There are no clusters yet.'] : views.flatMap((view) => driftLines(view, output)),
  );
  return views.some((view) => view.drift) ? EXIT.failed : EXIT.done;
}

function driftLines(view: DriftView, output: Output): string[] {
  const { palette } = output;
  const name = palette.strong(visibleLine(view.cluster));
  if (view.skipped !== null) return [`${palette.busy('!')} ${name}: not compared: ${visibleLine(view.skipped)}`];
  const serves = view.release === null ? 'nothing deployed yet' : view.release;
  const head = `${name} (${count(view.servers.length, 'server')}, ${visibleLine(serves)})`;
  const found = (isDrift: boolean): string[] => {
    const all = view.servers.flatMap(({ name: server, findings }) =>
      findings.filter((one) => one.isDrift === isDrift).map(({ text }) => ({ server, message: text })),
    );
    return groupFailures(all).map(failureLine);
  };
  return [
    view.drift ? `${palette.bad('✗')} ${head}:` : `${palette.good('✓')} ${head}: no drift`,
    ...found(true).map((line) => palette.bad(`  ✗ ${line}`)),
    ...found(false).map((line) => palette.busy(`  ! ${line}`)),
    ...remedyOf(view).map((line) => `    → ${line}`),
  ];
}

const REPAIRED_BY_DEPLOYMENT: readonly FindingKind[] = ['current', 'record', 'files', 'changed', 'added', 'missing'];

function remedyOf({ cluster, servers }: DriftView): string[] {
  const isRepairable = servers.some(({ findings }) =>
    findings.some(({ kind, isDrift }) => isDrift && REPAIRED_BY_DEPLOYMENT.includes(kind)),
  );
  if (!isRepairable) return [];
  return [`to keep a change, commit it; to discard it: lockstep deploy ${visibleLine(cluster)} --force (brings the same revision anew)`];
}
