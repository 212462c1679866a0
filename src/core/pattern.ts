// Branch patterns such as `servers/{developer}`: a `{name}` stands for one path segment or a part of it. No regular expressions, so
// matching takes time linear in the branch's name, whatever people push.

/** One path segment: a literal (`variable` null, all of it in `prefix`) or `prefix{variable}suffix`. */
type Segment = { readonly prefix: string; readonly variable: string | null; readonly suffix: string };

export type Pattern = {
  readonly text: string;
  readonly segments: readonly Segment[];
  /** Names of its variables in order; empty: the text is an exact name. */
  readonly variables: readonly string[];
  /** Literal characters, slashes included: of two patterns that match, the one with more of them decides. */
  readonly literals: number;
};

const VARIABLE = /^[A-Za-z][A-Za-z0-9]{0,31}$/;

/** Reads a pattern; `problem` says what is wrong with it and what is allowed. */
export function parsePattern(text: string): { readonly pattern: Pattern } | { readonly problem: string } {
  const segments: Segment[] = [];
  const variables: string[] = [];
  let literals = Math.max(0, text.split('/').length - 1);
  for (const part of text.split('/')) {
    const open = part.indexOf('{');
    const close = part.indexOf('}');
    if (open === -1 && close === -1) {
      segments.push({ prefix: part, variable: null, suffix: '' });
      literals += part.length;
      continue;
    }
    const variable = part.slice(open + 1, close);
    const rest = part.slice(close + 1);
    if (open === -1 || close < open || !VARIABLE.test(variable)) {
      return { problem: `"${part}" has no proper {name}: one word of letters and digits between { and }` };
    }
    if (rest.includes('{') || rest.includes('}')) return { problem: `"${part}" has more than one {name}; a path segment may hold one` };
    if (variables.includes(variable)) return { problem: `{${variable}} stands in it twice` };
    variables.push(variable);
    segments.push({ prefix: part.slice(0, open), variable, suffix: rest });
    literals += open + rest.length;
  }
  return { pattern: { text, segments, variables, literals } };
}

/** What the variables stand for in `name` (as it is, not made safe), or `null`: it does not match. A variable is never empty. */
export function matchPattern(pattern: Pattern, name: string): ReadonlyMap<string, string> | null {
  const parts = name.split('/');
  if (parts.length !== pattern.segments.length) return null;
  const values = new Map<string, string>();
  for (const [i, segment] of pattern.segments.entries()) {
    const value = matchSegment(segment, parts[i] ?? '');
    if (value === null) return null;
    if (segment.variable !== null) values.set(segment.variable, value);
  }
  return values;
}

function matchSegment(segment: Segment, part: string): string | null {
  if (segment.variable === null) return part === segment.prefix ? '' : null;
  if (part.length <= segment.prefix.length + segment.suffix.length) return null;
  if (!part.startsWith(segment.prefix) || !part.endsWith(segment.suffix)) return null;
  return part.slice(segment.prefix.length, part.length - segment.suffix.length);
}

/** Is there a name that both match? */
export function patternsOverlap(a: Pattern, b: Pattern): boolean {
  if (a.segments.length !== b.segments.length) return false;
  return a.segments.every((one, i) => {
    const other = b.segments[i];
    return other !== undefined && segmentsOverlap(one, other);
  });
}

function segmentsOverlap(a: Segment, b: Segment): boolean {
  if (a.variable === null) return matchSegment(b, a.prefix) !== null;
  if (b.variable === null) return matchSegment(a, b.prefix) !== null;
  const prefixes = a.prefix.startsWith(b.prefix) || b.prefix.startsWith(a.prefix);
  return prefixes && (a.suffix.endsWith(b.suffix) || b.suffix.endsWith(a.suffix));
}

/**
 * The places of `text` where a `{name}` stands, in order. `${name}` is none: that is the shell's. Anything else in braces that is not
 * one word (`awk '{ print }'`) is left alone.
 */
export function placeholders(text: string): readonly { readonly name: string; readonly start: number; readonly end: number }[] {
  const found = [];
  for (let open = text.indexOf('{'); open !== -1; open = text.indexOf('{', open + 1)) {
    const length = text.slice(open, open + 34).indexOf('}');
    const name = length === -1 ? '' : text.slice(open + 1, open + length);
    if (VARIABLE.test(name) && text.charAt(open - 1) !== '$') found.push({ name, start: open, end: open + length + 1 });
  }
  return found;
}

/** Names of the `{name}`s in `text`, each once. */
export function variablesOf(text: string): readonly string[] {
  return [...new Set(placeholders(text).map((one) => one.name))];
}

/** Replaces the `{name}`s that `values` knows; all others stay as they are. */
export function fillIn(text: string, values: ReadonlyMap<string, string>): string {
  let result = '';
  let from = 0;
  for (const { name, start, end } of placeholders(text)) {
    const value = values.get(name);
    if (value === undefined) continue;
    result += text.slice(from, start) + value;
    from = end;
  }
  return result + text.slice(from);
}
