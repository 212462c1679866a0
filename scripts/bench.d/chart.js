// Charts of what was measured, as SVG: bars where there is one number of servers, lines where there are several. Pure functions from figures to text.
// Every value stands there as a number, too, and in the description.
import { coloursOf, escape, LINE, MARGIN, picture, TOP, WIDTH, widthOf } from './picture.js';
import { round, scale, spread, ticksAround } from './places.js';

/** ms as they stand in the tables. */
const seconds = (ms) => `${(ms / 1000).toFixed(2)} s`;

/** One bar for each of `bars`: `{ name, ms, isOurs }`, in their order, from nought. */
export function barChart({ title, note, bars }) {
  const names = Math.max(...bars.map(({ name }) => widthOf(name)));
  const left = MARGIN + names + 12;
  const most = Math.max(...bars.map(({ ms }) => ms));
  const room = WIDTH - MARGIN - left - Math.max(...bars.map(({ ms }) => widthOf(seconds(ms)))) - 8;
  const colours = coloursOf(bars);
  const parts = bars.map(({ name, ms, isOurs }, i) => {
    const middle = TOP + 20 + i * 34;
    const width = Math.max(1, (room * ms) / most);
    const kind = isOurs ? 'ours' : '';
    const bar = `<rect class="colour" x="${round(left)}" y="${middle - 11}" width="${round(width)}" height="22" rx="2"/>`;
    const value = text(seconds(ms), left + width + 8, middle + 5, 'start', kind);
    return `<g class="${colours[i]}">${text(name, left - 12, middle + 5, 'end', kind)}${bar}${value}</g>`;
  });
  const description = `${note}. ${bars.map(({ name, ms }) => `${name}: ${seconds(ms)}`).join('; ')}.`;
  return picture(TOP + bars.length * 34 + MARGIN, { title, note, description }, parts);
}

/**
 * A line for each of `series`: `{ name, isOurs, points: [{ count, ms }, …] }`, both axes logarithmic, so that twice as long is as far everywhere. All
 * have the same numbers of servers, which are at least two.
 */
export function lineChart({ title, note, series }) {
  const counts = series[0].points.map(({ count }) => count).sort((a, b) => a - b);
  const all = series.flatMap(({ points }) => points.map(({ ms }) => ms));
  const ticks = ticksAround(Math.min(...all), Math.max(...all));
  const roomFor = (count) => BESIDE + Math.max(...series.map((one) => widthOf(labelOf(one, count, counts))));
  const sides = {
    left: MARGIN + Math.max(...ticks.map((tick) => widthOf(tickOf(tick)))) + 8,
    right: WIDTH - MARGIN - roomFor(counts.at(-1)),
    top: TOP + 8,
    bottom: TOP + 408,
  };
  const plot = {
    ...sides,
    counts,
    ticks,
    x: scale(counts[0], counts.at(-1), sides.left + 8 + roomFor(counts[0]), sides.right),
    y: scale(ticks[0], ticks.at(-1), sides.bottom, sides.top),
  };
  const coloured = series.map((one, i) => ({ ...one, colour: coloursOf(series)[i] }));
  const said = series.map(({ name, points }) => `${name}: ${points.map(({ count, ms }) => `${seconds(ms)} with ${count}`).join(', ')}`);
  const parts = [...axes(plot), ...coloured.map((one) => way(plot, one)), ...counts.flatMap((count) => labels(plot, coloured, count))];
  return picture(plot.bottom + 64, { title, note, description: `${note}, by the number of servers. ${said.join('; ')}.` }, parts);
}

/** From a point to the text beside it. */
const BESIDE = 24;

const tickOf = (ms) => `${ms / 1000} s`;

const text = (words, x, y, anchor, kind) =>
  `<text class="${kind}" x="${round(x)}" y="${round(y)}" text-anchor="${anchor}" xml:space="preserve">${escape(words)}</text>`;

function axes({ left, right, bottom, counts, ticks, x, y }) {
  return [
    ...ticks.map((tick) => `<path class="grid" d="M${left} ${round(y(tick))}H${round(right)}"/>`),
    ...ticks.map((tick) => text(tickOf(tick), left - 8, y(tick) + 5, 'end', 'quiet')),
    ...counts.map((count) => text(count.toLocaleString('en'), x(count), bottom + 24, 'middle', 'quiet')),
    text('servers (both axes are logarithmic)', (x(counts[0]) + right) / 2, bottom + 46, 'middle', 'quiet'),
  ];
}

function way({ x, y }, { isOurs, points, colour }) {
  const places = points.map(({ count, ms }) => [round(x(count)), round(y(ms))]);
  const dots = places.map(([cx, cy]) => `<circle class="colour" cx="${cx}" cy="${cy}" r="${isOurs ? 5 : 4}"/>`);
  const line = `<path class="line" d="M${places.map((place) => place.join(' ')).join('L')}" stroke-width="${isOurs ? 4 : 2}"/>`;
  return `<g class="${colour}">${line}${dots.join('')}</g>`;
}

/** Values stand left of their points, with names right of the last ones. Where they would cover each other they move, and a line leads to each. */
function labels({ x, y, top, bottom, counts }, series, count) {
  const side = count === counts.at(-1) ? 1 : -1;
  const msOf = ({ points }) => points.find((point) => point.count === count).ms;
  const wanted = series.map((one) => y(msOf(one)));
  const places = spread(wanted, LINE, top, bottom);
  return series.map((one, i) => {
    const words = labelOf(one, count, counts);
    const at = x(count) + side * BESIDE;
    const from = `${round(x(count) + side * 7)} ${round(wanted[i])}`;
    const leader = `<path class="line" d="M${from}L${round(at - side * 4)} ${round(places[i])}"/>`;
    // What lies behind a value must not go through it.
    const width = widthOf(words);
    const ground = `<rect class="paper" x="${round(side === 1 ? at : at - width)}" y="${round(places[i] - LINE / 2)}" width="${round(width)}" height="${LINE}"/>`;
    const kind = one.isOurs ? 'ours' : '';
    return `<g class="${one.colour}">${leader}${ground}${text(words, at, places[i] + 5, side === 1 ? 'start' : 'end', kind)}</g>`;
  });
}

function labelOf({ name, points }, count, counts) {
  const value = seconds(points.find((point) => point.count === count).ms);
  return count === counts.at(-1) ? `${name}  ${value}` : value;
}
