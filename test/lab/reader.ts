// A reader: a process that reads a file thousands of times a second, and counts what went wrong.
import { spawn } from 'node:child_process';

export type Reader = {
  /** Ends it. `contents`: what was read, each once; `errors`: codes of reads that failed, each once. */
  stop(): Promise<{ readonly reads: number; readonly contents: readonly string[]; readonly errors: readonly string[] }>;
};

const PROGRAM = `
const { readFileSync } = require('node:fs');
const seen = { reads: 0, contents: new Set(), errors: new Set() };
let isOver = false;
process.stdin.once('data', () => (isOver = true));
process.stdout.write('ready\\n');
(function read() {
  for (let i = 0; i < 100; i++) {
    try { seen.contents.add(readFileSync(process.argv[1], 'utf8')); } catch (error) { seen.errors.add(error.code); }
    seen.reads += 1;
  }
  if (!isOver) return setTimeout(read, 1);
  process.stdout.write(JSON.stringify({ ...seen, contents: [...seen.contents], errors: [...seen.errors] }));
  process.exit(0);
})();`;

/** Resolves when it has begun to read. */
export async function startReader(file: string): Promise<Reader> {
  const child = spawn(process.execPath, ['-e', PROGRAM, file], { stdio: ['pipe', 'pipe', 'inherit'], env: {} });
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const gone = new Promise((resolve) => child.once('close', resolve));
  await new Promise((resolve) => child.stdout.once('data', resolve));
  return {
    stop: async () => {
      child.stdin.end('stop');
      await gone;
      return JSON.parse(said.slice('ready\n'.length)) as Awaited<ReturnType<Reader['stop']>>;
    },
  };
}
