// Names of people and branches made safe for file names, host names and shells, without two of them becoming one.

/** What may stay: `dotted` is for parts of a release's name (where `_` separates), `word` for clusters, paths and hosts. */
export type SafeAlphabet = 'dotted' | 'word';

/**
 * Returns `text` itself if it is safe: only letters, digits, `.`, `-` (and `_` in a `word`), begins with a letter or digit, at most
 * `limit` characters. Otherwise other characters become `-`, and `-` and six hexadecimal digits of the original's hash are appended,
 * so that different texts stay different (two of them meet by chance once in 16 million). `limit` is at least 8.
 */
export function safeName(text: string, limit: number, alphabet: SafeAlphabet = 'word'): string {
  if (text.length <= limit && isSafe(text, alphabet)) return text;
  let kept = '';
  for (let i = 0; i < text.length && kept.length < limit - 7; i++) {
    const code = text.charCodeAt(i);
    const fits = isAlphanumeric(code) || (kept !== '' && isInner(code, alphabet));
    if (fits) kept += text.charAt(i);
    else if (kept !== '' && !kept.endsWith('-')) kept += '-';
  }
  while (kept.endsWith('-') || kept.endsWith('.')) kept = kept.slice(0, -1);
  return `${kept === '' ? 'x' : kept}-${hash(text)}`;
}

/** Six hexadecimal digits of FNV-1a (32 bits, folded to 24 as its authors advise: http://www.isthe.com/chongo/tech/comp/fnv/). */
export function hash(text: string): string {
  const { imul } = Math;
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    value = imul(value ^ (code & 0xff), 0x01000193);
    value = imul(value ^ (code >>> 8), 0x01000193);
  }
  const folded = ((value >>> 24) ^ value) & 0xffffff;
  return folded.toString(16).padStart(6, '0');
}

function isSafe(text: string, alphabet: SafeAlphabet): boolean {
  if (text === '' || !isAlphanumeric(text.charCodeAt(0))) return false;
  for (let i = 1; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (!isAlphanumeric(code) && !isInner(code, alphabet)) return false;
  }
  return true;
}

const isAlphanumeric = (code: number): boolean =>
  (code >= 0x30 && code <= 0x39) || (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a);

/** `.`, `-`, and `_` where it does not separate. */
const isInner = (code: number, alphabet: SafeAlphabet): boolean => code === 0x2e || code === 0x2d || (code === 0x5f && alphabet === 'word');
