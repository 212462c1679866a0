// A build's output on its way: passed on up to a limit, and the end of it kept for the message of a failure.
import { StringDecoder } from 'node:string_decoder';
import { stripVTControlCharacters } from 'node:util';

export type Output = {
  write(bytes: Buffer): void;
  /** The last lines, as many as fit into 8 KiB and at most 40, without terminal controls. */
  tail(): string;
  /** The last line that is not empty, at most 300 characters. */
  lastLine(): string;
};

const TAIL_CHARACTERS = 8 * 1024;

/** `log` gets at most `capBytes`, then one line that says so. Characters that are split between two pieces come whole. */
export function limitedOutput(log: (text: string) => void, capBytes = 16 * 1024 * 1024): Output {
  const decoder = new StringDecoder('utf8');
  let left = capBytes;
  let end = '';
  const lines = (): string[] =>
    stripVTControlCharacters(end)
      .split(/[\r\n]+/)
      .map((line) => line.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '').trimEnd())
      .filter((line) => line !== '');

  return {
    write(bytes) {
      const text = decoder.write(bytes);
      end = (end + text).slice(-TAIL_CHARACTERS);
      if (left <= 0 || text === '') return;
      left -= bytes.length;
      log(text);
      if (left <= 0) log(`\n… truncated: the build printed more than ${Math.round(capBytes / 1024 / 1024)} MiB\n`);
    },
    tail: () => lines().slice(-40).join('\n'),
    lastLine: () => (lines().at(-1) ?? '').slice(0, 300),
  };
}
