// How many columns a text takes on a terminal: names and messages are not all Latin.

/** East Asian wide and fullwidth characters and emoji (UAX #11, by blocks): two columns. */
const wide =
  /^[\u1100-\u115f\u2329\u232a\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1f64f}\u{1f680}-\u{1f6ff}\u{1f900}-\u{1f9ff}\u{20000}-\u{3fffd}]/u;

/** Combining marks and invisible format characters: none. */
const narrow = /^[\p{Mn}\p{Me}\p{Cf}]/u;

/** Columns of a text without escape codes and newlines. */
export function columnsOf(text: string): number {
  let columns = 0;
  for (const character of text) columns += columnsOfOne(character);
  return columns;
}

/** Cuts a text to so many columns; what was cut ends with `…`. */
export function fit(text: string, columns: number): string {
  if (columnsOf(text) <= columns) return text;
  let used = 0;
  let kept = '';
  for (const character of text) {
    used += columnsOfOne(character);
    if (used > columns - 1) break;
    kept += character;
  }
  return columns > 0 ? `${kept}…` : '';
}

function columnsOfOne(character: string): number {
  if (character >= ' ' && character <= '~') return 1;
  return narrow.test(character) ? 0 : wide.test(character) ? 2 : 1;
}
