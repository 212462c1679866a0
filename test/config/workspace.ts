// A temporary directory with a configuration file in it, and what its problems are.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DeployError } from '../../src/core/errors.ts';
import { loadConfiguration } from '../../src/config/load.ts';
import type { LoadedConfiguration } from '../../src/config/load.ts';

export type Workspace = {
  readonly directory: string;
  readonly file: string;
  write(value: unknown): Promise<void>;
  load(value: unknown): Promise<LoadedConfiguration>;
  /** The problems' lines without the file's name; empty: there are none. */
  problems(value: unknown): Promise<string[]>;
  remove(): Promise<void>;
};

export async function createWorkspace(): Promise<Workspace> {
  const directory = await mkdtemp(join(tmpdir(), 'lockstep-config-'));
  const file = join(directory, 'branches.config.json');
  const write = (value: unknown): Promise<void> => writeFile(file, typeof value === 'string' ? value : JSON.stringify(value, null, 2));
  const load = async (value: unknown): Promise<LoadedConfiguration> => {
    await write(value);
    return loadConfiguration(file);
  };
  return {
    directory,
    file,
    write,
    load,
    async problems(value) {
      try {
        await load(value);
        return [];
      } catch (error) {
        if (!(error instanceof DeployError) || error.code !== 'configuration') throw error;
        return error.message.split('\n').map((line) => line.replace(file, ''));
      }
    },
    remove: () => rm(directory, { recursive: true, force: true }),
  };
}

/** A small configuration that is right; `changes` replaces whole sections. */
export function minimal(changes: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    project: 'shop',
    repositories: { shop: { type: 'git', url: './repos/shop.git' } },
    branches: [{ repository: 'shop', branch: 'servers/production', clusters: ['production'] }],
    clusters: { production: { path: '/srv/shop', servers: ['deploy@web1.example.org'] } },
    ...changes,
  };
}

/** The same with other settings for its cluster. */
export function withCluster(settings: Record<string, unknown>): Record<string, unknown> {
  return minimal({ clusters: { production: { path: '/srv/shop', servers: ['deploy@web1.example.org'], ...settings } } });
}
