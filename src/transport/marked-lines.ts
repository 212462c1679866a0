// Finds the agent's lines in a stream that may hold other things: greetings of login shells before them, or anything from a hostile server.

/** Longest line of an agent, without its mark. */
const LINE_MAX = 64 * 1024;
/** A server may say so much that is not the agent's; then it is not listened to any more. */
const NOISE_MAX = 1024 * 1024;
const EMPTY = Buffer.alloc(0);

export type MarkedLines = {
  /** Takes the next bytes of the stream. */
  readonly take: (chunk: Buffer) => void;
  /** The last line that was not the agent's. */
  readonly noise: () => string;
};

/** Calls `onLine` with each line that begins with `mark`, without it. `onJunk` is called at most once, and nothing after it. */
export function markedLines(mark: string, onLine: (line: string) => void, onJunk: (heard: string) => void): MarkedLines {
  const markBytes = Buffer.from(mark);
  let rest: Buffer = EMPTY;
  let skipped = 0;
  let last = '';
  let isOver = false;

  const junk = (line: Buffer): void => {
    isOver = true;
    rest = EMPTY;
    onJunk(line.toString('utf8', 0, 200));
  };
  const take = (chunk: Buffer): void => {
    if (isOver) return;
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    // junk() empties the rest, which ends this loop.
    for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10)) {
      const line = rest.subarray(0, end);
      rest = rest.subarray(end + 1);
      see(line);
    }
    if (rest.length > LINE_MAX + markBytes.length) junk(rest);
    // An empty piece would keep the whole of what it was cut from, for as long as the connection is open.
    if (rest.length === 0) rest = EMPTY;
  };
  const see = (line: Buffer): void => {
    if (line.subarray(0, markBytes.length).equals(markBytes)) {
      if (line.length > LINE_MAX + markBytes.length) return junk(line);
      return onLine(line.toString('utf8', markBytes.length));
    }
    skipped += line.length + 1;
    if (line.length > 0) last = line.toString('utf8', 0, 200).trim() || last;
    if (skipped > NOISE_MAX) junk(line);
  };
  return { take, noise: () => (rest.length > 0 ? rest.toString('utf8', 0, 200).trim() : last) };
}
