// Where the parts of a chart stand.

/** As exact as an SVG needs it. */
export const round = (value) => Math.round(value * 10) / 10;

/** From a value to a place on a logarithmic axis: `low` is at `from`, `high` at `to`. */
export function scale(low, high, from, to) {
  const span = Math.log(high / low);
  return (value) => from + ((to - from) * Math.log(value / low)) / span;
}

/** 1, 2, 5, 10, … times a power of ten: those between, and one on each side, so that all lies between the first and the last. */
export function ticksAround(least, most) {
  const steps = [];
  // A power more on both sides: logarithms are rounded.
  for (let power = Math.floor(Math.log10(least)) - 1; power <= Math.ceil(Math.log10(most)) + 1; power++)
    for (const one of [1, 2, 5]) steps.push(Number((one * 10 ** power).toPrecision(1)));
  const first = steps.findLastIndex((step) => step <= least);
  const last = steps.findIndex((step) => step >= most && step > steps[first]);
  return steps.slice(first, last + 1);
}

/**
 * Places as near to the wanted ones as it goes, at least `gap` from each other and between `low` and `high`. In the order of `wanted`. Where there is
 * no room for all, they go on beyond `high`.
 */
export function spread(wanted, gap, low, high) {
  const order = wanted.map((_, i) => i).sort((a, b) => wanted[a] - wanted[b]);
  /** Neighbours that would touch: as near to the middle of what they want as the ends let them. */
  const blockOf = (members) => {
    const half = ((members.length - 1) * gap) / 2;
    const middle = members.reduce((sum, one) => sum + wanted[one], 0) / members.length;
    return { members, first: Math.max(low, Math.min(high - half, middle) - half) };
  };
  const blocks = [];
  for (const one of order) {
    let block = blockOf([one]);
    while (blocks.length > 0 && block.first < blocks.at(-1).first + blocks.at(-1).members.length * gap)
      block = blockOf([...blocks.pop().members, ...block.members]);
    blocks.push(block);
  }
  const places = [];
  for (const { members, first } of blocks) for (const [n, member] of members.entries()) places[member] = first + n * gap;
  return places;
}
