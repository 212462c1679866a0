// The tools that others deploy with, as far as they are installed here: Capistrano and Ansible from Debian, Shipit from npm. See contenders.js.
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { succeeds } from '../shared/programs.js';
import { checkout, home, sshSettings } from './reach.js';

/** scripts/bench puts it there. */
const SHIPIT = fileURLToPath(new URL('../../node_modules/.cache/shipit-5.3.0/node_modules', import.meta.url));

const has = (program) => succeeds('sh', ['-c', `command -v ${program}`]);

export const capistrano = {
  name: 'Capistrano 3',
  available: () => has('cap'),
  setUp: async (lab) => {
    const directory = (lab.capistrano = join(lab.directory, 'capistrano'));
    await mkdir(join(directory, 'config/deploy'), { recursive: true });
    await writeFile(
      join(directory, 'Capfile'),
      "require 'capistrano/setup'\nrequire 'capistrano/deploy'\nrequire 'capistrano/scm/git'\ninstall_plugin Capistrano::SCM::Git\n",
    );
    await writeFile(
      join(directory, 'config/deploy.rb'),
      `set :application, 'site'\nset :repo_url, '${lab.repository.url}'\nset :branch, 'servers/production'\nset :deploy_to, '~/capistrano'\nset :keep_releases, 5\nset :format, :dot\n`,
    );
    const lines = lab.servers.map((server) => `server '${server.address}', user: '${lab.sshd.user}', roles: %w{app}`);
    const options = `set :ssh_options, { port: ${lab.sshd.port}, keys: ['${lab.sshd.identity}'], keys_only: true, user_known_hosts_file: '${lab.sshd.knownHosts}', auth_methods: %w(publickey), config: false }`;
    await writeFile(join(directory, 'config/deploy/production.rb'), `${lines.join('\n')}\n${options}\n`);
  },
  deploy: (lab) => lab.run('cap', ['production', 'deploy'], { cwd: lab.capistrano }),
  serves: (lab, server) => join(lab.sshd.homeOf(server.address), 'capistrano/current'),
};

export const ansible = {
  name: 'Ansible synchronize, tuned',
  available: () => has('ansible-playbook'),
  setUp: async (lab) => {
    const directory = (lab.ansible = join(lab.directory, 'ansible'));
    await mkdir(directory, { recursive: true });
    lab.ansibleCheckout = await checkout(lab, 'ansible');
    lab.ansibleNumber = 0;
    const hosts = lab.servers.map((server) => `${server.name} ansible_host=${server.address} home=${home(lab, 'ansible', server)}`);
    const all = `[all:vars]\nansible_port=${lab.sshd.port}\nansible_user=${lab.sshd.user}\nansible_ssh_private_key_file=${lab.sshd.identity}\nansible_python_interpreter=/usr/bin/python3`;
    await writeFile(join(directory, 'hosts'), `[all]\n${hosts.join('\n')}\n${all}\n`);
    await writeFile(
      join(directory, 'ansible.cfg'),
      `[defaults]\nforks = 50\ngathering = explicit\ninventory = hosts\nhost_key_checking = True\n[ssh_connection]\npipelining = True\nssh_args = -C -o ControlMaster=auto -o ControlPersist=60s -o UserKnownHostsFile=${lab.sshd.knownHosts} -o IdentitiesOnly=yes\ncontrol_path_dir = ${join(directory, 'cp')}\n`,
    );
    await writeFile(
      join(directory, 'deploy.yml'),
      `- hosts: all
  gather_facts: false
  tasks:
    - file: { path: "{{ home }}/releases", state: directory }
    - ansible.posix.synchronize:
        src: ${lab.ansibleCheckout.source}/
        dest: "{{ home }}/releases/{{ number }}/"
        use_ssh_args: true
        rsync_opts: ["--exclude=.git", "--link-dest={{ home }}/current/"]
    - file: { src: "releases/{{ number }}", dest: "{{ home }}/current", state: link, force: true }
`,
    );
  },
  deploy: async (lab) => {
    await lab.ansibleCheckout.pull();
    await lab.run('ansible-playbook', ['deploy.yml', '-e', `number=${++lab.ansibleNumber}`], {
      cwd: lab.ansible,
      env: { ANSIBLE_CONFIG: join(lab.ansible, 'ansible.cfg'), HOME: lab.directory },
    });
  },
  serves: (lab, server) => join(home(lab, 'ansible', server), 'current'),
};

export const shipit = {
  name: 'Shipit 5',
  available: () => existsSync(SHIPIT),
  setUp: async (lab) => {
    const directory = (lab.shipit = join(lab.directory, 'shipit'));
    const workspace = join(directory, 'workspace');
    await mkdir(workspace, { recursive: true });
    const configuration = {
      default: {
        // Its README: a checkout that is kept and fetched into, so that rsync sees the times of unchanged files; each release begins as a copy of the
        // one before. It works on all servers at the same time.
        workspace,
        keepWorkspace: true,
        shallowClone: false,
        deployTo: '~/shipit',
        repositoryUrl: lab.repository.url,
        branch: 'servers/production',
        ignores: ['.git'],
        keepReleases: 5,
      },
      production: {
        servers: lab.servers.map(({ address }) => {
          const { user, port } = lab.sshd;
          return { host: address, user, port, extraSshOptions: sshSettings(lab.sshd) };
        }),
      },
    };
    const plugin = JSON.stringify(join(SHIPIT, 'shipit-deploy'));
    await writeFile(
      join(directory, 'shipitfile.js'),
      `module.exports = (shipit) => {\n  require(${plugin})(shipit);\n  shipit.initConfig(${JSON.stringify(configuration)});\n};\n`,
    );
  },
  deploy: (lab) => lab.run(join(SHIPIT, '.bin/shipit'), ['production', 'deploy'], { cwd: lab.shipit, env: { HOME: lab.directory } }),
  serves: (lab, server) => join(home(lab, 'shipit', server), 'current'),
};
