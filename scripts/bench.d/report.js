// What a run says: Markdown that is printed line by line, and written with its charts beside it.
import { writeFileSync } from 'node:fs';
import { basename, dirname, extname, join } from 'node:path';
import { barChart, lineChart } from './chart.js';

/** A figure of a table: `s` from ms, else rounded as far as it means something. */
export const figure = (value, unit) =>
  value === undefined || value === null
    ? ''
    : unit === 's'
      ? (value / 1000).toFixed(2)
      : value < 10
        ? value.toFixed(1)
        : String(Math.round(value));

/** `show` is given each line as it comes. */
export function openReport(show) {
  const lines = [];
  const charts = [];
  const print = (text = '') => {
    lines.push(text);
    show(text);
  };
  return {
    print,
    /** `columns`: title and what stands in it for a row; each row has a `name`. */
    table(columns, rows) {
      print();
      print(`| | ${columns.map(([title]) => title).join(' | ')} |`);
      print(`|---|${columns.map(() => '---:|').join('')}`);
      for (const row of rows) print(`| ${row.name} | ${columns.map(([, cell]) => cell(row)).join(' | ')} |`);
    },
    /** Keeps this place for a chart, which the returned function takes when all is measured. `name`: of its file, after that of the report. */
    placeOfChart(name) {
      const place = lines.length;
      return (title, svg) => charts.push({ name, place, title, svg });
    },
    /** The report, and its charts as SVG beside it. */
    write(file) {
      const stem = basename(file, extname(file));
      const text = [...lines];
      for (const { name, place, title, svg } of charts.toSorted((a, b) => b.place - a.place)) {
        const image = `${stem}-${name}.svg`;
        writeFileSync(join(dirname(file), image), svg);
        text.splice(place, 0, '', `![${title}](${image})`);
      }
      writeFileSync(file, `${text.join('\n')}\n`);
    },
  };
}

/**
 * `measured`: `{ count, rows: [{ name, isOurs, wall }, …] }` for each number of servers, with the same contenders everywhere. Bars where there is one number
 * of servers, else lines.
 */
export function chartOf(title, note, measured) {
  const [{ count, rows }] = measured;
  if (measured.length === 1)
    return barChart({ title, note: `${note}, ${nameOf(count)}`, bars: rows.map(({ name, isOurs, wall }) => ({ name, isOurs, ms: wall })) });
  const series = rows.map(({ name, isOurs }, i) => ({
    name,
    isOurs,
    points: measured.map((one) => ({ count: one.count, ms: one.rows[i].wall })),
  }));
  return lineChart({ title, note, series });
}

export const nameOf = (count) => `${count.toLocaleString('en')} ${count === 1 ? 'server' : 'servers'}`;
