// A real nginx on a loopback port, with a configuration of its own below a directory of the test.
import { spawn } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { until } from './until.ts';

export type Nginx = {
  /** The file that holds the server blocks. */
  readonly site: string;
  /** The directory of its main configuration: `nginx -p DIRECTORY -c nginx.conf -s reload`. */
  readonly directory: string;
  stop(): Promise<void>;
};

/** `site`: server blocks, one of which listens on 127.0.0.1:`port`. Resolves when it answers there. */
export async function startNginx(directory: string, site: string, port: number): Promise<Nginx> {
  await mkdir(join(directory, 'sites'), { recursive: true });
  const main = [
    ...(process.getuid?.() === 0 ? ['user root;'] : []),
    'worker_processes 2;',
    'pid nginx.pid;',
    'error_log error.log;',
    'events {}',
    'http {',
    '  access_log off;',
    '  default_type text/html;',
    ...['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((kind) => `  ${kind}_temp_path temp_${kind};`),
    '  include sites/*;',
    '}',
  ];
  await writeFile(join(directory, 'nginx.conf'), `${main.join('\n')}\n`);
  await writeFile(join(directory, 'sites/shop.conf'), site);
  const child = spawn('/usr/sbin/nginx', ['-p', directory, '-c', 'nginx.conf', '-e', 'error.log', '-g', 'daemon off;'], {
    stdio: 'ignore',
  });
  const gone = new Promise((resolve) => child.once('exit', resolve));
  const answers = async (): Promise<boolean> => {
    if (child.exitCode !== null) throw new Error(`nginx did not start: ${await readFile(join(directory, 'error.log'), 'utf8')}`);
    return fetch(`http://127.0.0.1:${port}/`).then(
      () => true,
      () => false,
    );
  };
  await until(answers, { what: 'nginx answers' });
  return {
    site: join(directory, 'sites/shop.conf'),
    directory,
    stop: async () => {
      child.kill('SIGTERM');
      await gone;
    },
  };
}
