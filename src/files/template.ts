// Templates: text with `{{ name }}` for variables and `{{ secret NAME }}` for secrets. Nothing else: no conditions, no loops, no code.

/** A piece of a template. `line` counts from 1. */
type Part = { readonly text: string } | { readonly name: string; readonly kind: 'variable' | 'secret'; readonly line: number };

export type Template = readonly Part[];

export type Values = { readonly variables: ReadonlyMap<string, string>; readonly secrets: ReadonlyMap<string, string> };

/** What is wrong with a template, and on which line. */
export type TemplateProblem = { readonly line: number; readonly message: string };

const MARK = /^(?:(secret)\s+)?([A-Za-z][A-Za-z0-9_]*)$/;

/** Reads a template. `{{{{` stands for two braces; a mark must end on its line; `}}` alone is text. */
export function parseTemplate(text: string): { readonly template: Template } | { readonly problem: TemplateProblem } {
  const parts: Part[] = [];
  let line = 1;
  let from = 0;
  for (let open = text.indexOf('{{'); open !== -1; open = text.indexOf('{{', from)) {
    const before = text.slice(from, open);
    line += lineBreaks(before);
    if (text.startsWith('{{{{', open)) {
      parts.push({ text: `${before}{{` });
      from = open + 4;
      continue;
    }
    const close = text.indexOf('}}', open);
    const mark = text.slice(open + 2, close === -1 ? open + 40 : close);
    if (close === -1 || mark.includes('\n')) return { problem: { line, message: '{{ has no }} on its line; two braces are written {{{{' } };
    const [, secret, name] = MARK.exec(mark.trim()) ?? [];
    if (name === undefined || (secret === undefined && name === 'secret')) {
      const shown = mark.trim().slice(0, 60);
      return { problem: { line, message: `{{ ${shown} }} is neither {{ name }} nor {{ secret NAME }}; two braces are written {{{{` } };
    }
    parts.push({ text: before }, { name, kind: secret === undefined ? 'variable' : 'secret', line });
    from = close + 2;
  }
  parts.push({ text: text.slice(from) });
  return { template: parts };
}

const lineBreaks = (text: string): number => text.split('\n').length - 1;

/** The first name that `values` does not know; `null`: it knows all. */
export function unknownName(template: Template, { variables, secrets }: Known): TemplateProblem | null {
  for (const part of template) {
    if ('text' in part || (part.kind === 'variable' ? variables : secrets).has(part.name)) continue;
    const list = (names: Iterable<string>): string => [...names].sort().join(', ') || 'none';
    const message =
      part.kind === 'variable'
        ? `{{ ${part.name} }} is unknown; known are: ${list(variables.keys())}. Add it to "variables" of the cluster or the server.`
        : `{{ secret ${part.name} }} is unknown; known are: ${list(secrets.keys())}. Add it to "secrets" of the cluster.`;
    return { line: part.line, message };
  }
  return null;
}

type Names = { has(name: string): boolean; keys(): Iterable<string> };
export type Known = { readonly variables: Names; readonly secrets: Names };

export const hasSecret = (template: Template): boolean => template.some((part) => 'kind' in part && part.kind === 'secret');

/** All names must be known. */
export function renderTemplate(template: Template, { variables, secrets }: Values): string {
  const valueOf = (part: Part): string | undefined =>
    'text' in part ? part.text : (part.kind === 'variable' ? variables : secrets).get(part.name);
  return template.map((part) => valueOf(part) ?? '').join('');
}
