// Reads a password: typed twice at a terminal, which does not show it, or the first line of standard input. Never an argument: those are public.
import { interrupted } from './client.ts';
import { usageFailure } from './failure.ts';
import type { CommandInput, CommandIo } from './wiring.ts';

const LONGEST = 4096;

/** Fails (exit 2) when there is none, or the two differ. */
export async function readPassword({ stdin, stderr }: CommandIo, name: string): Promise<string> {
  if (stdin === undefined) throw usageFailure('There is no standard input to read the password from.');
  if (stdin.isTTY !== true) {
    const password = await firstLine(stdin);
    if (password === '') throw usageFailure('Standard input is empty: the password is its first line.');
    return password;
  }
  stderr.write(`Password for ${name}: `);
  const first = await typedLine(stdin);
  stderr.write('\nThe same again: ');
  const second = await typedLine(stdin);
  stderr.write('\n');
  if (first !== second) throw usageFailure('The two passwords differ; nothing was changed.');
  return first;
}

async function firstLine(stdin: CommandInput): Promise<string> {
  let text = '';
  for await (const chunk of stdin.setEncoding('utf8')) {
    text += String(chunk);
    if (text.includes('\n') || text.length > LONGEST) break;
  }
  return (text.split('\n', 1)[0] ?? '').replace(/\r$/, '');
}

/** Raw mode keeps the terminal from echoing, and from doing what its keys do otherwise. */
function typedLine(stdin: CommandInput): Promise<string> {
  return new Promise((resolve, reject) => {
    let line = '';
    const finish = (end: () => void): void => {
      stdin.off('data', onData).pause();
      stdin.setRawMode?.(false);
      end();
    };
    const onData = (chunk: string): void => {
      for (const key of chunk) {
        if (key === '\r' || key === '\n') return finish(() => resolve(line));
        if (key === '\u0003' || key === '\u0004') return finish(() => reject(interrupted()));
        line = key === '\u007f' || key === '\b' ? Array.from(line).slice(0, -1).join('') : (line + key).slice(0, LONGEST);
      }
    };
    stdin.setRawMode?.(true);
    stdin.setEncoding('utf8').on('data', onData).resume();
  });
}
