// Installs our hooks in a repository: the sender with its settings, and the hook that calls it. What was there before goes on working.
import { execFile } from 'node:child_process';
import { readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { DeployError } from '../core/errors.ts';
import { ensureDirectory, ensureFile, look, ownerOf } from './owned-file.ts';
import type { Owner } from './owned-file.ts';
import { findRepository } from './repository-place.ts';
import type { RepositoryPlace } from './repository-place.ts';
import { keyOf } from './standard-webhook.ts';

export type InstallRequest = {
  /** Directory of the repository, or its file:// URL. */
  readonly path: string;
  /** Its name in the configuration. */
  readonly repository: string;
  /** Where the daemon is reached from the repository's machine, for example `http://127.0.0.1:8484`. */
  readonly url: string;
  /** `whsec_…`: what the daemon knows as the repository's secret. */
  readonly secret: string;
  /** What the configuration says it is; anything else there is an error. */
  readonly kind?: 'git' | 'svn';
};

export type InstallReport = {
  readonly kind: RepositoryPlace['kind'];
  /** Where our files are. */
  readonly state: string;
  /** Hooks that now call us. */
  readonly hooks: readonly string[];
  /** Existing hooks that were kept, under their new names. */
  readonly kept: readonly string[];
  /** False: everything was there already. */
  readonly changed: boolean;
  /** Whether the daemon answered the installed sender's ping, and what the sender said. */
  readonly ping: { readonly answered: boolean; readonly message: string };
};

const SOURCES = fileURLToPath(new URL('../../hooks/', import.meta.url));
/** In the second line of every hook of ours, whatever its version. */
const OURS = '# Lockstep hook ';
const CONFIG_BEGINS = '# Written by lockstep hooks install';

/** Which of our hooks serves which of the program's. A merge in a working tree runs post-merge instead of post-commit (githooks(5)). */
const HOOKS: Readonly<Record<RepositoryPlace['kind'], readonly { name: string; source: string }[]>> = {
  'git-bare': [{ name: 'post-receive', source: 'git-post-receive' }],
  git: [
    { name: 'post-commit', source: 'git-post-commit' },
    { name: 'post-merge', source: 'git-post-commit' },
  ],
  svn: [{ name: 'post-commit', source: 'svn-post-commit' }],
};

/**
 * Idempotent. An existing hook is moved to `<name>.before-lockstep` and called first. Verifies the installation with a ping; a daemon that
 * does not answer is no failure. Throws DeployError: `configuration` (no repository, no permission, a bad secret or address), `conflict`
 * (something that is not ours is in the way; nothing of it was changed).
 */
export async function installHooks(request: InstallRequest): Promise<InstallReport> {
  const config = configOf(request);
  if (keyOf(request.secret) === null)
    throw new DeployError('configuration', `The hook secret of ${request.repository} is no whsec_ secret.`);
  const place = await findRepository(request.path);
  if (request.kind !== undefined && request.kind !== place.kind.split('-')[0]) {
    throw new DeployError(
      'configuration',
      `${request.path} is a ${place.kind} repository, but ${request.repository} is configured as ${request.kind}.`,
    );
  }
  const hooks = HOOKS[place.kind].map(({ name, source }) => ({ path: join(place.hooks, name), source }));
  await refuseForeign(
    place,
    hooks.map(({ path }) => path),
  );

  const owner = await ownerOf(join(place.state, '../..'));
  // `git init --template=` makes repositories without the directory.
  await ensureDirectory(join(place.state, '..'), 0o755, owner);
  if ((await look(place.hooks)) === null) await ensureDirectory(place.hooks, 0o755, owner);
  const changes = [await installState(place.state, config, request.secret, owner)];
  const kept: string[] = [];
  for (const { path, source } of hooks) {
    const keep = await keepExisting(path);
    if (keep !== null) kept.push(keep);
    // The hook goes last: from here on it is called.
    changes.push(await ensureFile(path, await readFile(join(SOURCES, source), 'utf8'), [0o755, 0o775], await ownerOf(place.hooks)));
  }
  const ping = await pingDaemon(place.state);
  return { kind: place.kind, state: place.state, hooks: hooks.map(({ path }) => path), kept, changed: changes.includes(true), ping };
}

/** Names of hooks of a repository that are not ours, or not there. Changes nothing. Throws `configuration` when no repository is there. */
export async function missingHooks(path: string): Promise<string[]> {
  const place = await findRepository(path);
  const missing: string[] = [];
  for (const { name } of HOOKS[place.kind]) if (!(await isOurs(join(place.hooks, name)))) missing.push(name);
  return missing;
}

function configOf({ url, repository }: InstallRequest): string {
  if (repository === '' || /[\u0000-\u001f\u007f]/.test(repository))
    throw new DeployError('configuration', 'The repository has no usable name.');
  let address: URL;
  try {
    address = new URL(url);
  } catch (error) {
    throw new DeployError('configuration', `${JSON.stringify(url)} is no URL. Expected, for example: http://127.0.0.1:8484`, null, error);
  }
  if (!['http:', 'https:'].includes(address.protocol) || address.username !== '' || address.password !== '') {
    throw new DeployError('configuration', `The daemon's URL must begin with http:// or https://, without user or password.`);
  }
  const base = `${address.origin}${address.pathname.replace(/\/+$/, '')}`;
  return `${CONFIG_BEGINS}; read by notify, line by line.\nURL=${base}/hooks/${encodeURIComponent(repository)}\nREPOSITORY=${repository}\n`;
}

/** Before anything is changed: is something in the way that is neither ours nor a hook that can be kept? */
async function refuseForeign({ state }: RepositoryPlace, hooks: readonly string[]): Promise<void> {
  const config = join(state, 'config');
  if ((await look(config)) !== null && !(await readFile(config, 'utf8').catch(() => '')).startsWith(CONFIG_BEGINS)) {
    throw new DeployError('conflict', `${config} was not written by Lockstep. Move ${state} away and install again.`);
  }
  for (const hook of hooks) {
    const there = await look(hook);
    if (there?.isDirectory() === true) throw new DeployError('conflict', `${hook} is a directory; Lockstep cannot keep it as a hook.`);
    if (there !== null && !(await isOurs(hook)) && (await look(`${hook}.before-lockstep`)) !== null) {
      throw new DeployError(
        'conflict',
        `${hook} is not Lockstep's hook, although ${hook}.before-lockstep shows that it was installed once. Remove or merge one of the two, and install again.`,
      );
    }
  }
}

async function installState(state: string, config: string, secret: string, owner: Owner | null): Promise<boolean> {
  await ensureDirectory(state, 0o755, owner);
  await ensureDirectory(join(state, 'spool'), 0o700, owner);
  const changes = [
    await ensureFile(join(state, 'notify'), await readFile(join(SOURCES, 'lockstep-notify'), 'utf8'), [0o755, 0o775], owner),
    await ensureFile(join(state, 'config'), config, [0o644, 0o664, 0o640, 0o600], owner),
    // 0640: where several accounts push, the owner may let the repository's group read it.
    await ensureFile(join(state, 'secret'), `${secret}\n`, [0o600, 0o640], owner),
  ];
  return changes.includes(true);
}

/** The new name of an existing hook; `null`: there was none, or it is ours. A symbolic link is moved, not what it leads to. */
async function keepExisting(hook: string): Promise<string | null> {
  if ((await look(hook)) === null || (await isOurs(hook))) return null;
  await rename(hook, `${hook}.before-lockstep`);
  return `${hook}.before-lockstep`;
}

async function isOurs(hook: string): Promise<boolean> {
  const text = await readFile(hook, 'utf8').catch(() => '');
  return text.split('\n', 2)[1]?.startsWith(OURS) === true;
}

/** Lets the installed sender itself ask, so that curl, settings, secret and address are all proven. */
async function pingDaemon(state: string): Promise<InstallReport['ping']> {
  const options = { env: {}, cwd: '/', timeout: 10_000, maxBuffer: 64 * 1024 };
  const saying = (stderr: string): string =>
    stderr
      .trim()
      .split('\n')
      .at(-1)
      ?.replace(/^Lockstep: /, '') ?? '';
  try {
    const { stderr } = await promisify(execFile)('/bin/sh', [join(state, 'notify'), '--ping'], options);
    return { answered: true, message: saying(stderr) };
  } catch (error) {
    const { stderr, message } = error as Error & { stderr?: string };
    return { answered: false, message: saying(stderr ?? '') || message };
  }
}
