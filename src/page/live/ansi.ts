// Colours of terminals (ECMA-48, SGR) as names of styles. Everything else that programs write to steer a terminal is left out.
import { visibleLine } from '../../core/escape.ts';

export type Piece = { readonly text: string; readonly style: string };

const COLOURS = ['black', 'red', 'green', 'yellow', 'blue', 'magenta', 'cyan', 'white'];
// Sequences that start with CSI, OSC (to its end), or a single escape.
const SEQUENCE = /\u001b\[([0-9;:]*)m|\u001b\[[0-?]*[ -/]*[@-~]|\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|\u001b[0-~]?/g;
/** The daemon's log has made escapes visible: they are read in that form as well. */
const SPELLED = /\\x1b\[([0-9;]*)m/g;

/** The text in pieces of one style each. The text of a piece is for a text node; it holds no control characters. */
export function pieces(line: string): Piece[] {
  const plain = line.replaceAll('\t', '    ');
  const text = plain.includes('\\x1b[') ? plain.replace(SPELLED, '\u001b[$1m') : plain;
  if (!text.includes('\u001b')) return [{ text: visibleLine(text), style: '' }];
  const found: Piece[] = [];
  const style = { bold: false, colour: '' };
  let from = 0;
  const add = (until: number): void => {
    if (until > from) {
      found.push({
        text: visibleLine(text.slice(from, until)),
        style: [style.bold ? 'ansi-bold' : '', style.colour].filter(Boolean).join(' '),
      });
    }
  };
  for (const match of text.matchAll(SEQUENCE)) {
    add(match.index);
    from = match.index + match[0].length;
    if (match[1] !== undefined) change(style, match[1]);
  }
  add(text.length);
  return found;
}

function change(style: { bold: boolean; colour: string }, codes: string): void {
  const numbers = codes === '' ? [0] : codes.split(/[;:]/).map(Number);
  for (let i = 0; i < numbers.length; i++) {
    const code = numbers[i] ?? 0;
    if (code === 0) Object.assign(style, { bold: false, colour: '' });
    else if (code === 1) style.bold = true;
    else if (code === 22) style.bold = false;
    else if (code === 39) style.colour = '';
    else if (code >= 30 && code <= 37) style.colour = `ansi-${COLOURS[code - 30] ?? ''}`;
    else if (code >= 90 && code <= 97) style.colour = `ansi-${COLOURS[code - 90] ?? ''}`;
    // 256 and 16 million colours are more than a log needs: their arguments are passed over.
    else if (code === 38 || code === 48) i += numbers[i + 1] === 5 ? 2 : 4;
  }
}
