// docs/commands.md names every command with its arguments and options, and none that does not exist.
import { expect, test } from '@jest/globals';
import type { Command } from 'commander';
import { readFile } from 'node:fs/promises';
import { createCommands } from '../../src/cli/commands.ts';

const program = createCommands({ version: '1', width: 80, say: () => undefined, run: () => Promise.resolve() });

function usages(command: Command, path: string): { usage: string; options: string[] }[] {
  const name = `${path} ${command.name()}`.trim();
  const options = command.options.filter((option) => !option.hidden).map((option) => option.long ?? '');
  const args = command.registeredArguments.map((argument) => (argument.required ? 1 : 0));
  const below = command.commands.flatMap((one) => usages(one, name));
  const hasAction = command.commands.length === 0 || args.length > 0 || (path !== '' && options.length > 0);
  return hasAction ? [{ usage: name, options }, ...below] : below;
}

test('the reference has a section for every command, with its options, and no other', async () => {
  const text = await readFile(new URL('../../docs/commands.md', import.meta.url), 'utf8');
  const sections = new Map(
    text
      .split('\n### ')
      .slice(1)
      .map((section) => [/^`(lockstep(?: [a-z-]+)+)/.exec(section)?.[1] ?? section, section]),
  );
  const wanted = usages(program, '');
  expect([...sections.keys()].sort()).toEqual(wanted.map(({ usage }) => usage).sort());
  for (const { usage, options } of wanted) {
    for (const option of options) expect(sections.get(usage)).toContain(option);
  }
  for (const { long } of program.options) expect(text).toContain(long);
});
