// A real PHP-FPM with opcode cache, on a socket of its own below a directory of the test.
import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { until } from './until.ts';

export type PhpFpm = { readonly socket: string; readonly pidFile: string; stop(): Promise<void> };

/** Debian names it by its version. */
const PROGRAM = readdirSync('/usr/sbin').find((name) => /^php-fpm\d/.test(name)) ?? 'php-fpm';

/** Never looks at files again once they are compiled, as production does: what is old stays old until the cache is emptied. */
export async function startPhpFpm(directory: string): Promise<PhpFpm> {
  await mkdir(directory, { recursive: true });
  const file = (name: string): string => join(directory, name);
  const config = [
    '[global]',
    `pid = ${file('fpm.pid')}`,
    `error_log = ${file('fpm.log')}`,
    'process_control_timeout = 10s',
    '[www]',
    `listen = ${file('fpm.sock')}`,
    ...(process.getuid?.() === 0 ? ['user = root', 'group = root'] : []),
    'pm = static',
    'pm.max_children = 3',
  ];
  await writeFile(file('fpm.conf'), `${config.join('\n')}\n`);
  const cache = ['opcache.enable=1', 'opcache.validate_timestamps=0', 'opcache.revalidate_path=0', 'opcache.file_update_protection=0'];
  const root = process.getuid?.() === 0 ? ['-R'] : [];
  const child = spawn(join('/usr/sbin', PROGRAM), ['-F', ...root, '-y', file('fpm.conf'), ...cache.flatMap((one) => ['-d', one])], {
    stdio: 'ignore',
  });
  const gone = new Promise((resolve) => child.once('exit', resolve));
  const listens = async (): Promise<boolean> => {
    if (child.exitCode !== null) throw new Error(`php-fpm did not start: ${await readFile(file('fpm.log'), 'utf8')}`);
    return existsSync(file('fpm.sock')) && existsSync(file('fpm.pid'));
  };
  await until(listens, { what: 'php-fpm listens' });
  return {
    socket: file('fpm.sock'),
    pidFile: file('fpm.pid'),
    stop: async () => {
      child.kill('SIGTERM');
      await gone;
    },
  };
}
