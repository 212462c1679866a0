// Aligned columns, fitted to the terminal's width. Cells are made safe to show here, so that no caller can forget it.
import { visibleLine } from '../core/escape.ts';
import type { Paint } from './output.ts';
import { columnsOf, fit } from './width.ts';

/** `paint` colours the cell after it was padded. */
export type Cell = string | { readonly text: string; readonly paint: Paint };

export type Column = {
  readonly title: string;
  readonly align?: 'left' | 'right';
  /** May be cut when the lines are too wide, down to 8 columns. */
  readonly shrink?: boolean;
};

const GAP = '  ';
const LEAST = 8;

/**
 * Lines of a table, with a line of titles if any column has one. Columns that are empty in all rows are left out.
 * `width`: columns of the terminal; Infinity: nothing is cut. `indent` spaces stand before each line.
 */
export function table(columns: readonly Column[], rows: readonly (readonly Cell[])[], width: number, heading: Paint, indent = 0): string[] {
  const cells = rows.map((row) => row.map(toCell));
  const used = columns.map((_, i) => cells.some((row) => (row[i]?.text ?? '') !== ''));
  const shown = columns.map((column, i) => ({ ...column, i })).filter(({ i }) => used[i]);
  const titles = columns.map(({ title }) => ({ text: title, paint: heading }));
  const all = columns.some(({ title }) => title !== '') && rows.length > 0 ? [titles, ...cells] : cells;
  const widths = shown.map(({ i }) => all.reduce((widest, row) => Math.max(widest, columnsOf(row[i]?.text ?? '')), 0));
  shrink(shown, widths, width - indent - GAP.length * Math.max(0, shown.length - 1));
  return all.map((row) => {
    const parts = shown.map(({ i, align }, at) => {
      const cell = row[i] ?? { text: '', paint: (text: string) => text };
      const text = fit(cell.text, widths[at] ?? 0);
      const padding = ' '.repeat(Math.max(0, (widths[at] ?? 0) - columnsOf(text)));
      const painted = cell.paint(text);
      if (align === 'right') return padding + painted;
      return at === shown.length - 1 ? painted : painted + padding;
    });
    return (' '.repeat(indent) + parts.join(GAP)).trimEnd();
  });
}

function toCell(cell: Cell): { text: string; paint: Paint } {
  return typeof cell === 'string'
    ? { text: visibleLine(cell), paint: (text) => text }
    : { text: visibleLine(cell.text), paint: cell.paint };
}

/** Takes columns away from the widest column that may be cut, until the lines fit. */
function shrink(columns: readonly Column[], widths: number[], room: number): void {
  const isCuttable = (at: number): boolean => columns[at]?.shrink === true && (widths[at] ?? 0) > LEAST;
  for (;;) {
    const excess = widths.reduce((sum, one) => sum + one, 0) - room;
    const cuttable = widths.map((_, at) => at).filter(isCuttable);
    if (!(excess > 0) || cuttable.length === 0) return;
    const widest = cuttable.reduce((a, b) => ((widths[b] ?? 0) > (widths[a] ?? 0) ? b : a));
    const next = Math.max(LEAST, ...cuttable.filter((at) => at !== widest).map((at) => widths[at] ?? 0));
    const current = widths[widest] ?? 0;
    widths[widest] = Math.max(LEAST, current - Math.min(excess, Math.max(1, current - next)));
  }
}
