// `migration lint CLUSTER`: what the lint says about the files on this machine, before anybody commits them.
import { resolve } from 'node:path';
import { visibleLine } from '../core/escape.ts';
import { EXIT } from './failure.ts';
import type { Session } from './session.ts';
import { count } from './words.ts';

/** Exit 1 for findings for which a deployment to this cluster would be refused. */
export async function lintMigrations(
  { io, wiring, settings, output }: Session,
  cluster: string,
  directory: string | null,
): Promise<number> {
  const place = directory === null ? null : resolve(io.cwd, directory);
  const report = await wiring.lintMigrations({ config: settings.config, cluster, directory: place, dir: io.cwd });
  const { good, bad, busy } = output.palette;
  const isRefused = report.findings.some(({ isGrave, rule }) => isGrave && (report.level === 'refuse' || rule === 'impossible'));
  output.result(report, () => [
    ...report.findings.map(({ file, line, rule, message, isGrave }) => {
      const paint = isGrave ? bad : busy;
      return `${visibleLine(`${file}:${line}`)}: ${paint(rule)}: ${visibleLine(message)}`;
    }),
    report.findings.length === 0
      ? good(`${count(report.files, 'file')} in ${visibleLine(report.directory)}: nothing found`)
      : `${count(report.files, 'file')} in ${visibleLine(report.directory)}: ${count(report.findings.length, 'finding')}; a deployment to ${visibleLine(cluster)} ${isRefused ? 'would be refused' : 'would go on'}`,
  ]);
  return isRefused ? EXIT.failed : EXIT.done;
}
