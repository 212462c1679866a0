// Which lines of a log are wanted: by server, by step, by text.
import type { LogLine } from './log-lines.ts';

export type LogFilter = {
  /** Index; `null`: all. */
  readonly server: number | null;
  readonly step: string | null;
  readonly text: string;
};

/** Indexes of the lines, in order; `null`: all of them. What programs print belongs to the step that was under way. */
export function matching(lines: readonly LogLine[], { server, step, text }: LogFilter): readonly number[] | null {
  if (server === null && step === null && text === '') return null;
  const found: number[] = [];
  const wanted = text.toLowerCase();
  let current: string | null = null;
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i];
    if (line === undefined) continue;
    if (line.event !== null) current = line.event.step;
    else if (line.at !== null) current = null;
    if (server !== null && line.event?.server !== server) continue;
    if (step !== null && current !== step) continue;
    if (wanted !== '' && !line.text.toLowerCase().includes(wanted)) continue;
    found.push(i);
  }
  return found;
}
