// Who is compared: each brings the head of the repository to all servers, in its own usual and well-tuned way. Here: bare ssh, and what one would
// write oneself with rsync. The tools are in peers.js, Lockstep in lockstep.js.
// `setUp` makes it ready, `firstCopy` brings what nobody has yet (where left out: as `deploy`), `deploy` brings a commit; both resolve when it says
// that it is done. Where a server serves from is `serves`.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { checkout, destination, each, home, sshOptions } from './reach.js';

const rsh = (lab) => ['ssh', ...sshOptions(lab.sshd)].join(' ');

export const ssh = {
  name: 'ssh HOST true',
  isNothing: true,
  available: () => true,
  setUp: async () => undefined,
  firstCopy: async () => undefined,
  deploy: (lab) => each(lab.servers, 50, (server) => lab.run('ssh', [...sshOptions(lab.sshd), destination(lab, server), 'true'])),
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
        ...sshOptions(lab.sshd),
        destination(lab, server),
        `ln -sfn releases/${release} ${path}/current.new && mv -T ${path}/current.new ${path}/current`,
      ]);
    });
  },
  serves: (lab, server) => join(home(lab, 'linked', server), 'current'),
};
