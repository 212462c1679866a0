// Globs of names: `*` stands for any characters, everything else for itself. No regular expressions: whoever writes a glob cannot make matching slow.

/** Is `name` one of those that `glob` (`staging-*`, `*`, `production`) means? Takes at most the product of their lengths. */
export function matchesGlob(glob: string, name: string): boolean {
  let g = 0;
  let n = 0;
  // Where the last star stood, and up to where it has taken the name.
  let star = -1;
  let taken = 0;
  while (n < name.length) {
    if (glob[g] === '*') {
      star = g++;
      taken = n;
    } else if (g < glob.length && glob[g] === name[n]) {
      g++;
      n++;
    } else if (star >= 0) {
      g = star + 1;
      n = ++taken;
    } else {
      return false;
    }
  }
  while (glob[g] === '*') g++;
  return g === glob.length;
}
