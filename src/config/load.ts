// Reads branches.config.json and makes the Configuration of it, or says everything that is wrong with it.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { z } from 'zod';
import type { Configuration } from '../core/configuration.ts';
import { DeployError } from '../core/errors.ts';
import { checkBranches, checkClusterServers } from './checks.ts';
import type { PlacedRule } from './checks.ts';
import { readFiles } from './files.ts';
import type { Files } from './files.ts';
import type { Problems } from './problems.ts';
import { createProblems, problemLines, reportIssues } from './problems.ts';
import { resolveNotices } from './notices.ts';
import { noticesSchema } from './notices-schema.ts';
import { resolvePeople } from './people.ts';
import { resolveBranch, resolveCluster, resolveRepository } from './resolve.ts';
import { peopleSchema } from './people-schema.ts';
import type { Permissions } from '../core/permission.ts';
import { permissionsSchema, teamsSchema } from './permissions-schema.ts';
import { branchSchema } from './branch-schema.ts';
import { clusterSchema } from './cluster-schema.ts';
import { configurationSchema } from './schema.ts';
import { repositorySchema } from './repository-schema.ts';
import { readSource } from './source.ts';

export type LoadedConfiguration = {
  readonly configuration: Configuration;
  /** What is allowed but probably not meant, one line each. */
  readonly warnings: readonly string[];
  /** SHA-256 (hex) over the file and the pages that it names: equal hash, equal configuration. */
  readonly hash: string;
  /** Absolute paths of the maintenance pages that were read. */
  readonly pages: readonly string[];
};

const LARGEST_FILE = 1024 * 1024;

/**
 * Rejects with DeployError `configuration`, whose message names all problems, one a line:
 * `branches.config.json:12:5  clusters.production.concurency: unknown key; did you mean "concurrency"?`
 */
export async function loadConfiguration(file: string): Promise<LoadedConfiguration> {
  const text = await readText(file);
  const source = readSource(text);
  const problems = createProblems(source);
  const warnings: string[] = [];
  const sections = readSections(source.value);
  const wanted = pagesOf(sections);
  const files = await readFiles(dirname(resolve(file)), wanted);
  let configuration: Configuration | null = null;
  if (source.value !== undefined) {
    const checked = configurationSchema.safeParse(source.value, { reportInput: true });
    if (!checked.success) reportIssues(problems, source, checked.error.issues);
    configuration = assemble(sections, files, problems, warnings);
  }
  if (configuration === null || problems.all.length > 0) {
    throw new DeployError('configuration', problemLines(file, problems.all, source).join('\n'));
  }
  const hash = createHash('sha256').update(text);
  for (const page of wanted) hash.update(`\0${page}\0${JSON.stringify(files.page(page))}`);
  return { configuration, warnings, hash: hash.digest('hex'), pages: wanted.map(files.resolve) };
}

async function readText(file: string): Promise<string> {
  let bytes: Buffer;
  try {
    bytes = await readFile(file);
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).message;
    throw new DeployError(
      'configuration',
      `${file}: cannot be read: ${why}. Name the file with --config, or create it with: lockstep init`,
    );
  }
  if (bytes.length > LARGEST_FILE) {
    throw new DeployError('configuration', `${file}: is larger than ${LARGEST_FILE / 1024} KiB, which is the most for a configuration`);
  }
  return bytes.toString('utf8');
}

/** The parts of the file, each parsed by itself: `null` has problems of its own, which do not hide those of the others. */
type Sections = {
  readonly project: string;
  readonly repositories: ReadonlyMap<string, z.output<typeof repositorySchema> | null>;
  readonly branches: readonly (z.output<typeof branchSchema> | null)[];
  readonly clusters: ReadonlyMap<string, z.output<typeof clusterSchema> | null>;
  readonly people: z.output<typeof peopleSchema> | null;
  /** `null`: neither rules nor teams. */
  readonly permissions: Permissions | null;
  readonly notices: z.output<typeof noticesSchema> | null;
};

function readSections(value: unknown): Sections {
  const { project, repositories, branches, clusters, people, permissions, teams, notices } = isObject(value)
    ? value
    : ({} as Record<string, unknown>);
  const parsed = <Output>(schema: z.ZodType<Output>, part: unknown): Output | null => schema.safeParse(part).data ?? null;
  const entries = (part: unknown): [string, unknown][] => (isObject(part) ? Object.entries(part) : []);
  return {
    project: typeof project === 'string' ? project : '',
    repositories: new Map(entries(repositories).map(([name, part]) => [name, parsed(repositorySchema, part)])),
    branches: Array.isArray(branches) ? branches.map((part) => parsed(branchSchema, part)) : [],
    clusters: new Map(entries(clusters).map(([name, part]) => [name, parsed(clusterSchema, part)])),
    people: parsed(peopleSchema, people),
    permissions:
      permissions === undefined && teams === undefined
        ? null
        : { rules: parsed(permissionsSchema, permissions) ?? [], teams: parsed(teamsSchema, teams) ?? {} },
    notices: parsed(noticesSchema, notices),
  };
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);

function pagesOf(sections: Sections): string[] {
  const pages = [...sections.clusters.values()].flatMap((cluster) => (cluster?.maintenance ? [cluster.maintenance.page] : []));
  return [...new Set(pages)].filter((page) => page !== undefined);
}

function assemble(sections: Sections, files: Files, problems: Problems, warnings: string[]): Configuration {
  const repositories = [...sections.repositories].flatMap(([name, input]) =>
    input === null ? [] : [resolveRepository(name, input, files, problems, warnings)],
  );
  const rules = sections.branches.flatMap((input, index): PlacedRule[] =>
    input === null ? [] : [{ rule: resolveBranch(input, index, problems), index }],
  );
  const byName = new Map(repositories.map((one) => [one.name, one]));
  const clusters = [...sections.clusters].flatMap(([name, input]) =>
    input === null ? [] : [resolveCluster(name, input, sections.project, files, byName, problems)],
  );
  const known = { repositories: [...sections.repositories.keys()], clusters: [...sections.clusters.keys()] };
  checkBranches(rules, known, problems, warnings);
  checkClusterServers(clusters, problems);
  return {
    project: sections.project,
    repositories: byName,
    branches: rules.map((one) => one.rule),
    clusters: new Map(clusters.map(({ cluster }) => [cluster.name, cluster])),
    ...resolvePeople(sections.people, files, problems),
    ...(sections.permissions !== null && { permissions: sections.permissions }),
    notices: resolveNotices(sections.notices, files, problems),
  };
}
