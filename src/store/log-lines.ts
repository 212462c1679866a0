// Pieces of a log as its lines: a file is read in pieces of any length, and whoever reads a log wants lines.

/** Without their line ends. A last line that has no end comes when the pieces end. */
export async function* linesOf(pieces: AsyncIterable<string>): AsyncGenerator<string> {
  let rest = '';
  for await (const piece of pieces) {
    const lines = (rest + piece).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
  if (rest !== '') yield rest;
}
