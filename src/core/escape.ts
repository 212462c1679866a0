// Text from outside (branch, author, message, a server's error) made safe to show: nothing in it may steer a terminal or forge a line.

/**
 * Control characters (C0, DEL, C1), line and paragraph separators, controls of writing direction, and halves of surrogate pairs.
 * Node's stripVTControlCharacters is not enough: it leaves carriage returns, backspaces and writing direction alone.
 */
const hazards = /[\p{Cc}\p{Cs}\p{Bidi_Control}\u2028\u2029]/gu;

/** Replaces every hazard by its visible form (`\x1b`, `\u202e`). Newlines and tabs stay. */
export function visible(text: string): string {
  return text.replace(hazards, (found) => (found === '\n' || found === '\t' ? found : spelled(found)));
}

/** The same for text that must stay on one line: newlines become `\n`, tabs `\t`. */
export function visibleLine(text: string): string {
  return text.replace(hazards, (found) => (found === '\n' ? '\\n' : found === '\t' ? '\\t' : spelled(found)));
}

/**
 * JSON in which hazards are written as `\uXXXX`: the same document, but safe to print, and a single line when `indent` is 0.
 * `value` must be something JSON can say (not undefined, no cycles).
 */
export function visibleJson(value: unknown, indent: 0 | 2): string {
  // Raw newlines in the result are JSON's own layout: those inside of strings are escaped already.
  return JSON.stringify(value, null, indent).replace(hazards, (found) => (found === '\n' ? found : `\\u${hex(found, 4)}`));
}

function spelled(found: string): string {
  return found.charCodeAt(0) < 0x100 ? `\\x${hex(found, 2)}` : `\\u${hex(found, 4)}`;
}

function hex(found: string, digits: number): string {
  return found.charCodeAt(0).toString(16).padStart(digits, '0');
}
