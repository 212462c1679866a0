// A terminal that understands what the live block sends, so that tests see what a person would see.

/** The lines on the screen after all of `text` was written, and whether the cursor is visible. Unknown escape codes are an error. */
export function screenOf(text: string): { lines: string[]; cursor: boolean } {
  const lines: string[] = [''];
  let row = 0;
  let column = 0;
  let cursor = true;
  const codes = /\x1b\[([?0-9;]*)([A-Za-z])|[\s\S]/gu;
  for (const [found, argument = '', command] of text.matchAll(codes)) {
    const line = lines[row] ?? '';
    if (command === undefined) {
      if (found === '\n') {
        row += 1;
        column = 0;
        lines[row] ??= '';
      } else if (found === '\r') column = 0;
      else if (found === '\x1b') throw new Error('an escape that the block may not use');
      else {
        lines[row] =
          Array.from(line.padEnd(column)).slice(0, column).join('') +
          found +
          Array.from(line)
            .slice(column + 1)
            .join('');
        column += 1;
      }
    } else if (command === 'A') row = Math.max(0, row - Number(argument));
    else if (command === 'K') lines[row] = Array.from(line).slice(0, column).join('');
    else if (command === 'J') {
      lines[row] = Array.from(line).slice(0, column).join('');
      lines.splice(row + 1);
    } else if (command === 'l' && argument === '?25') cursor = false;
    else if (command === 'h' && argument === '?25') cursor = true;
    else if (command !== 'm') throw new Error(`an escape that the block may not use: ${JSON.stringify(found)}`);
  }
  return { lines: lines.map((line) => line.trimEnd()), cursor };
}
