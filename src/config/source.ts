// The configuration file as text: JSON with comments, and where in it each key and value stands.
import { createScanner, getNodeValue, parseTree, printParseErrorCode } from 'jsonc-parser';
import type { Node, ParseError } from 'jsonc-parser';
import type { Path, Problem } from './problems.ts';

export type Source = {
  /** Plain values; objects have no prototype. `undefined`: the text is no JSON, and the problems say why. */
  readonly value: unknown;
  readonly problems: readonly Problem[];
  /** Offset of a key (`clusters.a` → where `"a"` stands) or of a value; of the nearest thing around it if there is none. */
  offsetOf(path: Path, what: 'key' | 'value'): number;
  has(path: Path): boolean;
  /** Line and column, both from 1. */
  placeOf(offset: number): { readonly line: number; readonly column: number };
};

/** jsonc-parser goes down by recursion; far below what a stack holds, far above what a configuration needs. */
const DEEPEST = 50;
/** After a syntax error most that follow are its echoes. */
const SYNTAX_PROBLEMS = 3;

/** Never throws. Comments and trailing commas are allowed; a key that stands twice in an object is a problem. */
export function readSource(fileText: string): Source {
  const text = fileText.replace(/^\uFEFF/, ' ');
  const problems: Problem[] = [];
  const tooDeep = depthProblem(text);
  const errors: ParseError[] = [];
  const root = tooDeep === null ? parseTree(text, errors, { allowTrailingComma: true }) : undefined;
  if (tooDeep !== null) problems.push({ path: [], message: `is nested more than ${DEEPEST} levels deep`, offset: tooDeep });
  else if (errors.length === 0 && root === undefined) problems.push({ path: [], message: 'is empty', offset: 0 });
  for (const { error, offset } of errors.slice(0, SYNTAX_PROBLEMS)) {
    const words = printParseErrorCode(error)
      .replace(/([a-z])([A-Z])/g, '$1 $2')
      .toLowerCase();
    problems.push({ path: [], message: `is not valid JSON: ${words}`, offset });
  }
  if (root !== undefined && problems.length === 0) problems.push(...duplicates(root, []));
  const broken = tooDeep !== null || errors.length > 0;

  const find = createFinder(root);
  return {
    value: root === undefined || broken ? undefined : getNodeValue(root),
    problems,
    offsetOf(path, what) {
      const found = find(path);
      if (found === undefined) return path.length === 0 ? 0 : this.offsetOf(path.slice(0, -1), 'key');
      return what === 'key' && found.parent?.type === 'property' ? found.parent.offset : found.offset;
    },
    has: (path) => find(path) !== undefined,
    placeOf(offset) {
      const before = text.slice(0, offset);
      return { line: before.split('\n').length, column: offset - before.lastIndexOf('\n') };
    },
  };
}

/** Finds nodes by path. The members of an object are indexed at the first search, so that many searches stay quick. */
function createFinder(root: Node | undefined): (path: Path) => Node | undefined {
  const members = new Map<Node, Map<string, Node>>();
  const membersOf = (node: Node): Map<string, Node> => {
    const known = members.get(node);
    if (known !== undefined) return known;
    const made = new Map<string, Node>();
    for (const { children } of node.children ?? []) if (children?.[1] !== undefined) made.set(String(children[0]?.value), children[1]);
    members.set(node, made);
    return made;
  };
  return (path) => {
    let node = root;
    for (const part of path) {
      if (node === undefined) return undefined;
      if (typeof part === 'number') node = node.type === 'array' ? node.children?.[part] : undefined;
      else node = node.type === 'object' ? membersOf(node).get(part) : undefined;
    }
    return node;
  };
}

function duplicates(node: Node, path: Path): Problem[] {
  const problems: Problem[] = [];
  const seen = new Set<string>();
  for (const [i, child] of (node.children ?? []).entries()) {
    if (node.type === 'array') problems.push(...duplicates(child, [...path, i]));
    if (child.type !== 'property') continue;
    const [keyNode, valueNode] = child.children ?? [];
    const key = String(keyNode?.value);
    if (seen.has(key)) problems.push({ path: [...path, key], message: 'stands twice in this object', offset: child.offset });
    // JavaScript gives this key a meaning of its own; libraries drop it in silence.
    if (key === '__proto__') problems.push({ path: [...path, key], message: 'is not allowed as a key', offset: child.offset });
    seen.add(key);
    if (valueNode !== undefined) problems.push(...duplicates(valueNode, [...path, key]));
  }
  return problems;
}

/** Offset of the first bracket that is nested too deep, or `null`. */
function depthProblem(text: string): number | null {
  const scanner = createScanner(text, true);
  let depth = 0;
  for (let token: number = scanner.scan(); token !== END; token = scanner.scan()) {
    if (token === OPEN_BRACE || token === OPEN_BRACKET) depth++;
    if (token === CLOSE_BRACE || token === CLOSE_BRACKET) depth--;
    if (depth > DEEPEST) return scanner.getTokenOffset();
  }
  return null;
}

// jsonc-parser's SyntaxKind is a `const enum`, which does not exist at run time.
const [OPEN_BRACE, CLOSE_BRACE, OPEN_BRACKET, CLOSE_BRACKET, END] = [1, 2, 3, 4, 17] as const;
