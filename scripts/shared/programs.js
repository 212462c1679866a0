// Programs that the demo and the benchmark run: until they have succeeded, or until they are ended.
import { execFile, spawn } from 'node:child_process';
import { createServer } from 'node:net';

const GIT = {
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_AUTHOR_NAME: 'Yuri Popoff',
  GIT_AUTHOR_EMAIL: 'yuri@example.org',
  GIT_COMMITTER_NAME: 'Yuri Popoff',
  GIT_COMMITTER_EMAIL: 'yuri@example.org',
};

/** Runs a program that must succeed; resolves with what it printed: `{ stdout, stderr }`. */
export function run(program, args, options = {}) {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, ...GIT, ...options.env };
    const child = execFile(program, args, { ...options, env, maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      if (error) reject(new Error(`${program} ${args.join(' ')} failed: ${`${stderr}${stdout}`.slice(-2000) || error.message}`));
      else resolve({ stdout, stderr });
    });
    child.stdin?.end();
  });
}

/** The same for those that only want what it printed on its standard output. */
export const must = (program, args, options) => run(program, args, options).then(({ stdout }) => stdout);

export const succeeds = (program, args) =>
  run(program, args).then(
    () => true,
    () => false,
  );

/** Starts a program that lives until `end`. With `group` it and all it starts are counted there (bench.d/costs.js). */
export function start(program, args, { group, ...options } = {}) {
  const [file, argv] = group ? group.wrap(program, args) : [program, args];
  const child = spawn(file, argv, { stdio: 'ignore', ...options, env: { ...process.env, ...GIT, ...options.env } });
  const gone = new Promise((resolve) => child.once('exit', resolve));
  return {
    child,
    end: async () => {
      child.kill('SIGTERM');
      await gone;
    },
  };
}

/** Resolves with the first value of `condition` that is true; rejects when there is none within `limitMs`. */
export async function until(condition, what, limitMs = 60_000, stepMs = 50) {
  const end = Date.now() + limitMs;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > end) throw new Error(`${what} did not happen within ${limitMs / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, stepMs));
  }
}

export const freePort = () =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
