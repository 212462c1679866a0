// Finds many words in a text at once, in one pass. (Aho and Corasick, Efficient string matching, 1975.)

export type Finder = {
  /** Calls `found` with the place of the longest word that ends at each position; returns how many last characters may begin a word. */
  scan(text: string, found: (start: number, end: number) => void): number;
};

/** Builds it for non-empty words; memory and time grow with the sum of their lengths. */
export function createFinder(words: Iterable<string>): Finder {
  // Node 0 is the root; an edge's key is its node and the UTF-16 code unit that it reads.
  const edges = new Map<number, number>();
  const key = (node: number, code: number): number => node * 0x10000 + code;
  const depths = [0];
  /** The longest proper suffix of a node's text that is a node too. */
  const suffixes = [0];
  /** Length of the longest word that ends here; 0: none. */
  const lengths = [0];
  /** Does a longer word go on here? */
  const goesOn = [false];
  const levels: { readonly node: number; readonly parent: number; readonly code: number }[][] = [];

  const step = (node: number, code: number): number => {
    for (let at = node; ; at = suffixes[at] ?? 0) {
      const next = edges.get(key(at, code));
      if (next !== undefined) return next;
      if (at === 0) return 0;
    }
  };

  for (const word of words) {
    let node = 0;
    for (let i = 0; i < word.length; i++) {
      const code = word.charCodeAt(i);
      let next = edges.get(key(node, code));
      if (next === undefined) {
        next = depths.length;
        depths.push(i + 1);
        suffixes.push(0);
        lengths.push(0);
        goesOn.push(false);
        goesOn[node] = true;
        edges.set(key(node, code), next);
        (levels[i] ??= []).push({ node: next, parent: node, code });
      }
      node = next;
    }
    lengths[node] = word.length;
  }
  for (const [i, level] of levels.entries()) {
    for (const { node, parent, code } of level) {
      const suffix = i === 0 ? 0 : step(suffixes[parent] ?? 0, code);
      suffixes[node] = suffix;
      if (lengths[node] === 0) lengths[node] = lengths[suffix] ?? 0;
    }
  }

  return {
    scan(text, found) {
      let node = 0;
      for (let i = 0; i < text.length; i++) {
        node = step(node, text.charCodeAt(i));
        const length = lengths[node] ?? 0;
        if (length > 0) found(i + 1 - length, i + 1);
      }
      while (goesOn[node] !== true && node !== 0) node = suffixes[node] ?? 0;
      return depths[node] ?? 0;
    },
  };
}
