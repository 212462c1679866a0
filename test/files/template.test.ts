// Templates: two marks, one escape, and errors that say the line.
import { describe, expect, test } from '@jest/globals';
import { hasSecret, parseTemplate, renderTemplate, unknownName } from '../../src/files/template.ts';

const values = {
  variables: new Map([
    ['name', 'web1'],
    ['empty', ''],
  ]),
  secrets: new Map([['KEY', '{{ name }} $& \\1']]),
};

function rendered(text: string): string {
  const parsed = parseTemplate(text);
  return 'problem' in parsed ? `${parsed.problem.line}: ${parsed.problem.message}` : renderTemplate(parsed.template, values);
}

describe('a template', () => {
  test.each([
    ['plain } text }} with { braces }', 'plain } text }} with { braces }'],
    ['{{ name }}-{{name}}-{{  name\t}}', 'web1-web1-web1'],
    ['a{{ empty }}b', 'ab'],
    ['{{ secret KEY }}', '{{ name }} $& \\1'],
    ['{{{{ name }}', '{{ name }}'],
    ['{{{{{{ name }}', '{{web1'],
    ['${name} {name}', '${name} {name}'],
    ['', ''],
    ['\uFEFFä {{ name }} 鍵\r\n', '\uFEFFä web1 鍵\r\n'],
  ])('%j becomes %j', (text, expected) => {
    expect(rendered(text)).toBe(expected);
  });

  test.each([
    ['a\nb {{ name', '2: {{ has no }} on its line'],
    ['{{\nname }}', '1: {{ has no }} on its line'],
    ['\n\n{{ na me }}', '3: {{ na me }} is neither'],
    ['{{ }}', '1: {{  }} is neither'],
    ['{{ secret }}', '1: {{ secret }} is neither'],
    ['{{ #if x }}', '1: {{ #if x }} is neither'],
  ])('%j is refused: %s', (text, said) => {
    expect(rendered(text)).toContain(said);
  });

  test('names what it needs', () => {
    const parsed = parseTemplate('{{ name }}\n{{ secret KEY }}{{ other }}');
    if ('problem' in parsed) throw new Error(parsed.problem.message);
    expect(hasSecret(parsed.template)).toBe(true);
    expect(unknownName(parsed.template, values)).toEqual({
      line: 2,
      message: expect.stringContaining('{{ other }} is unknown; known are: empty, name.'),
    });
  });
});
