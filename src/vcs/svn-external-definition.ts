// The lines of an svn:externals property.

/** One external: `peg` and `revision` are numbers or `{date}`s as svn takes them. */
export type ExternalDefinition = {
  readonly url: string;
  readonly path: string;
  readonly peg: string | null;
  readonly revision: string | null;
};

/**
 * Parses a property, in both forms of the svn book: `[-r REV] URL[@PEG] PATH` (since 1.5) and `PATH [-r REV] URL` (before).
 * Lines that are neither are left out, as svn does with what it cannot use in an export.
 */
export function parseExternals(text: string): ExternalDefinition[] {
  return text.split(/\r?\n/).flatMap((line) => {
    if (line.trim() === '' || line.trim().startsWith('#')) return [];
    const words = split(line);
    let revision: string | null = null;
    const at = words.findIndex((word) => /^-r/.test(word));
    if (at >= 0) {
      const joined = words[at] !== '-r';
      revision = joined ? (words[at]?.slice(2) ?? '') : (words[at + 1] ?? '');
      words.splice(at, joined ? 1 : 2);
      if (!isRevision(revision)) return [];
    }
    const [first, second] = words;
    if (words.length !== 2 || first === undefined || second === undefined) return [];
    const isOld = !isUrl(first) && isAbsolute(second);
    const [raw, path] = isOld ? [second, first] : [first, second];
    // Old forms know no peg revision.
    const pegged = isOld ? null : /^(.*)@([0-9]+|\{[0-9T:.Z -]+\}|HEAD|)$/s.exec(raw);
    const peg = pegged?.[2] ?? '';
    return [
      {
        url: pegged?.[1] ?? raw,
        path: path.replace(/\/+$/, ''),
        peg: peg === '' || peg === 'HEAD' ? null : peg,
        revision: revision === 'HEAD' ? null : revision,
      },
    ];
  });
}

const isAbsolute = (word: string): boolean => /^[a-z+]+:\/\//.test(word);
const isUrl = (word: string): boolean => isAbsolute(word) || /^(?:\.\.\/|\^\/|\/)/.test(word);
const isRevision = (word: string): boolean => /^(?:[0-9]{1,10}|HEAD|\{[0-9T:.Z -]+\})$/.test(word);

/** Splits at spaces; double and single quotes and backslashes keep them (as apr_tokenize_to_argv does). */
function split(line: string): string[] {
  return Array.from(line.matchAll(/(?:"(?:\\.|[^"\\])*"|'[^']*'|\\.|[^\s"'\\])+/g), (match) =>
    match[0].replace(/"((?:\\.|[^"\\])*)"|'([^']*)'|\\(.)/g, (_all, double?: string, single?: string, escaped?: string) =>
      double !== undefined ? double.replace(/\\(.)/g, '$1') : (single ?? escaped ?? ''),
    ),
  );
}
