// A real Capistrano (Debian's) that deploys a Git repository to a server over ssh.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Sshd } from './sshd.ts';
import { must } from './workshop.ts';

export type Capistrano = {
  /** Deploys the head of the branch `main` to `path`. `at`: seconds since 1970, from which the release takes its name. */
  deploy(path: string, at: number): Promise<void>;
};

/** `shared`: files that are there in `shared/` already, and directories. */
export async function installCapistrano(
  directory: string,
  { repository, sshd, shared }: { repository: string; sshd: Sshd; shared: { files: readonly string[]; directories: readonly string[] } },
): Promise<Capistrano> {
  await mkdir(join(directory, 'config/deploy'), { recursive: true });
  const capfile = ['capistrano/setup', 'capistrano/deploy', 'capistrano/scm/git'].map((name) => `require ${JSON.stringify(name)}`);
  await writeFile(join(directory, 'Capfile'), [...capfile, 'install_plugin Capistrano::SCM::Git', ''].join('\n'));
  const settings = [
    'set :application, "shop"',
    `set :repo_url, ${JSON.stringify(repository)}`,
    'set :branch, "main"',
    'set :deploy_to, ENV.fetch("DEPLOY_TO")',
    `set :linked_files, ${JSON.stringify(shared.files)}`,
    `set :linked_dirs, ${JSON.stringify(shared.directories)}`,
    'set :keep_releases, 5',
    'set :format, :dot',
    `set :ssh_options, { keys: [${JSON.stringify(join(sshd.directory, 'user'))}], port: ${sshd.port}, config: false, verify_host_key: :never }`,
    // One run over several servers gives them one name; here each server has a run of its own, because all are this machine.
    'env.instance_variable_set(:@timestamp, Time.at(ENV.fetch("DEPLOY_AT").to_i).utc)',
  ];
  await writeFile(join(directory, 'config/deploy.rb'), `${settings.join('\n')}\n`);
  await writeFile(
    join(directory, 'config/deploy/production.rb'),
    `server "127.0.0.1", user: ${JSON.stringify(sshd.user)}, roles: %w{app web}\n`,
  );
  return {
    deploy: async (path, at) => {
      await must('cap', ['production', 'deploy'], { cwd: directory, env: { DEPLOY_TO: path, DEPLOY_AT: String(at), HOME: directory } });
    },
  };
}
