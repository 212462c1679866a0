// Programs that are found before those of the machine, by the agents of a ground that is opened after them: they tell what is started.
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

export type Programs = {
  readonly directory: string;
  /** PATH without them. */
  readonly path: string;
  /** Adds one: `lines` of a shell. */
  add(name: string, lines: string): Promise<void>;
  close(): Promise<void>;
};

export async function openPrograms(): Promise<Programs> {
  const directory = await mkdtemp(join(tmpdir(), 'lockstep-programs-'));
  const path = process.env['PATH'] ?? '';
  process.env['PATH'] = `${directory}${delimiter}${path}`;
  return {
    directory,
    path,
    add: async (name, lines) => {
      await writeFile(join(directory, name), `#!/bin/sh\n${lines}\n`);
      await chmod(join(directory, name), 0o755);
    },
    close: async () => {
      process.env['PATH'] = path;
      await rm(directory, { recursive: true });
    },
  };
}
