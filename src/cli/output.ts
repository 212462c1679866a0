// Where a command's words go: text for people or one JSON document for programs, with colour only where it is wanted.
import { visible, visibleJson } from '../core/escape.ts';
import type { Told } from './failure.ts';
import type { CommandIo } from './wiring.ts';

export type Paint = (text: string) => string;

/** Meanings, not colours; every place that uses one also says it in words or with a glyph. */
export type Palette = { readonly good: Paint; readonly bad: Paint; readonly busy: Paint; readonly faint: Paint; readonly strong: Paint };

export type Output = {
  readonly json: boolean;
  /** Is standard output a terminal on which lines can be redrawn? */
  readonly live: boolean;
  readonly palette: Palette;
  /** Columns to fill; Infinity when piped. Read anew each time: windows change. */
  readonly width: () => number;
  /** The command's answer, once per command: the document with `--json`, else the lines. They must be safe to show already. */
  result(document: unknown, lines: () => readonly string[]): void;
  /** A line for people; nothing with `--json`. Must be safe to show already. */
  readonly line: (text: string) => void;
  /** Text as it is, for what streams. Resolves when there is room for more. */
  write(text: string): Promise<void>;
  /** A warning for people, on standard error, also with `--json`. */
  warn(text: string): void;
  fail(told: Told): void;
};

export function createOutput(io: CommandIo, json: boolean): Output {
  const { stdout, stderr } = io;
  const isDumb = io.env['TERM'] === 'dumb';
  const live = stdout.isTTY === true && !isDumb;
  // https://no-color.org: set and not empty.
  const isColoured = live && !io.env['NO_COLOR'];
  return {
    json,
    live: live && !json,
    palette: isColoured ? colours : plain,
    // Some terminals (serial lines, recorders) say that they have 0 columns.
    width: () => (stdout.isTTY === true ? stdout.columns || 80 : Infinity),
    result(document, lines) {
      if (json) stdout.write(`${visibleJson(document, 2)}\n`);
      else for (const line of lines()) stdout.write(`${line}\n`);
    },
    line(text) {
      if (!json) stdout.write(`${text}\n`);
    },
    async write(text) {
      if (stdout.write(text) || stdout.destroyed) return;
      await new Promise<void>((resolve) => {
        const end = (): void => {
          for (const event of ['drain', 'close', 'error']) stdout.off(event, end);
          resolve();
        };
        for (const event of ['drain', 'close', 'error']) stdout.once(event, end);
      });
    },
    warn(text) {
      stderr.write(`${visible(text)}\n`);
    },
    fail(told) {
      if (json) {
        stdout.write(`${visibleJson({ error: { code: told.code, message: told.message, detail: told.detail } }, 2)}\n`);
        return;
      }
      stderr.write(`lockstep: ${visible(told.message)}\n`);
      if (told.detail !== null) stderr.write(`${indented(visible(told.detail))}\n`);
    },
  };
}

const indented = (text: string): string => text.trimEnd().replace(/^/gm, '  ');

const sgr =
  (code: number): Paint =>
  (text) =>
    text === '' ? '' : `\x1b[${code}m${text}\x1b[0m`;

const colours: Palette = { good: sgr(32), bad: sgr(31), busy: sgr(36), faint: sgr(2), strong: sgr(1) };

const same: Paint = (text) => text;

const plain: Palette = { good: same, bad: same, busy: same, faint: same, strong: same };
