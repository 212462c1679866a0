// Who is compared: each brings the head of the repository to all servers, in its own usual and well-tuned way.
// `setUp` makes it ready, `firstCopy` brings what nobody has yet (where left out: as `deploy`), `deploy` brings a commit; both resolve when it says
// that it is done. Where a server serves from is `serves`.
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { must } from './ground.js';

/** Every contender has the same options of ssh: no other keys, no questions. What it would choose by itself stays its own choice. */
const sshOptions = ({ sshd }) => [
  '-o',
  `UserKnownHostsFile=${sshd.knownHosts}`,
  '-o',
  `IdentityFile=${sshd.identity}`,
  '-o',
  'IdentitiesOnly=yes',
  '-o',
  'BatchMode=yes',
  '-o',
  'LogLevel=ERROR',
  '-p',
  String(sshd.port),
];

const has = (program) =>
  must('sh', ['-c', `command -v ${program}`]).then(
    () => true,
    () => false,
  );

/** Runs `work` for all, so many at a time. */
async function each(items, atATime, work) {
  const queue = [...items];
  await Promise.all(
    Array.from({ length: Math.min(atATime, items.length) }, async () => {
      for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item);
    }),
  );
}

/**
 * A build that makes everything anew: every file is another inode with the time of now, and what changes from commit to commit, NOTES, does not
 * get into its result.
 */
export const REBUILD =
  'rm -rf built && mkdir built && for one in *; do case $one in built | NOTES) ;; *) cp -r "$one" built/ ;; esac; done';

/** A checkout that a script of one's own would rsync from. */
async function checkout(lab, name) {
  const directory = join(lab.directory, `${name}-checkout`);
  if (!existsSync(directory)) await must('git', ['clone', '-q', lab.repository.bare, directory]);
  return {
    /** What is deployed of it. */
    source: lab.isRebuilt ? join(directory, 'built') : directory,
    /** Brings the head, and names what changed since the last time. */
    pull: async () => {
      const before = (await must('git', ['-C', directory, 'rev-parse', 'HEAD'])).trim();
      await must('git', ['-C', directory, 'pull', '-q', '--ff-only']);
      if (lab.isRebuilt) await must('sh', ['-c', REBUILD], { cwd: directory });
      return (await must('git', ['-C', directory, 'diff', '--name-only', before, 'HEAD'])).split('\n').filter((line) => line !== '');
    },
  };
}

const home = (lab, contender, server) => join(lab.sshd.homeOf(server.address), contender);
const destination = (lab, server) => `${lab.sshd.user}@${server.address}`;
const rsh = (lab) => ['ssh', ...sshOptions(lab)].join(' ');

export const ssh = {
  name: 'ssh HOST true',
  isNothing: true,
  available: () => true,
  setUp: async () => undefined,
  firstCopy: async () => undefined,
  deploy: (lab) => each(lab.servers, 50, (server) => lab.run('ssh', [...sshOptions(lab), destination(lab, server), 'true'])),
};

export const rsyncChanged = {
  name: 'rsync of the changed files, in place',
  firstName: 'rsync -a',
  available: () => true,
  setUp: async (lab) => {
    lab.changed = await checkout(lab, 'changed');
    await each(lab.servers, 10, (server) => mkdir(home(lab, 'changed', server), { recursive: true }));
  },
  /** This is a plain `rsync -a`. */
  firstCopy: (lab) =>
    each(lab.servers, 50, async (server) => {
      const to = `${destination(lab, server)}:${home(lab, 'changed', server)}/`;
      await lab.run('rsync', ['-a', '--exclude=.git', '-e', rsh(lab), `${lab.changed.source}/`, to]);
    }),
  deploy: async (lab) => {
    const list = join(lab.directory, 'changed-list');
    await writeFile(list, (await lab.changed.pull()).join('\n'));
    await each(lab.servers, 50, (server) =>
      lab.run('rsync', [
        '-a',
        `--files-from=${list}`,
        '-e',
        rsh(lab),
        `${lab.changed.source}/`,
        `${destination(lab, server)}:${home(lab, 'changed', server)}/`,
      ]),
    );
  },
  serves: (lab, server) => home(lab, 'changed', server),
};

export const rsyncAll = {
  name: 'rsync -a, in place',
  available: () => true,
  setUp: rsyncChanged.setUp,
  deploy: async (lab) => {
    await lab.changed.pull();
    await rsyncChanged.firstCopy(lab);
  },
  serves: rsyncChanged.serves,
};

export const linkDest = {
  name: 'script with rsync --link-dest',
  available: () => true,
  setUp: async (lab) => {
    lab.linked = await checkout(lab, 'linked');
    lab.linkedNumber = 0;
    await each(lab.servers, 10, (server) => mkdir(join(home(lab, 'linked', server), 'releases'), { recursive: true }));
  },
  deploy: async (lab) => {
    await lab.linked.pull();
    const release = String(++lab.linkedNumber);
    await each(lab.servers, 50, async (server) => {
      const path = home(lab, 'linked', server);
      await lab.run('rsync', [
        '-a',
        '--exclude=.git',
        `--link-dest=${path}/current/`,
        '-e',
        rsh(lab),
        `${lab.linked.source}/`,
        `${destination(lab, server)}:${path}/releases/${release}/`,
      ]);
    });
    await each(lab.servers, 50, (server) => {
      const path = home(lab, 'linked', server);
      return lab.run('ssh', [
        ...sshOptions(lab),
        destination(lab, server),
        `ln -sfn releases/${release} ${path}/current.new && mv -T ${path}/current.new ${path}/current`,
      ]);
    });
  },
  serves: (lab, server) => join(home(lab, 'linked', server), 'current'),
};

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
      `set :application, 'site'\nset :repo_url, '${lab.repository.bare}'\nset :branch, 'servers/production'\nset :deploy_to, '~/capistrano'\nset :keep_releases, 5\nset :format, :dot\n`,
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
