// What a run has cost: CPU time, memory and descriptors of its processes, bytes on the loopback, connections and commands that sshd saw.
import { existsSync, mkdirSync, readFileSync, readdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '../shared/programs.js';

let made = 0;

const NO_GROUP = {
  wrap: (program, args) => [program, args],
  milliseconds: () => null,
  megabytes: () => null,
  remove: async () => undefined,
};

/** Counts the CPU time of everything that runs in it: a control group. Without the right to make one, nothing is counted (`null`). */
export function cpuGroup(name) {
  const roots = ['/sys/fs/cgroup/cpuacct', '/sys/fs/cgroup'];
  const root = roots.find((one) => existsSync(join(one, 'cgroup.procs')));
  const path = root === undefined ? null : join(root, `lockstep-bench-${process.pid}-${++made}-${name}`);
  try {
    if (path === null) return NO_GROUP;
    mkdirSync(path);
  } catch {
    return NO_GROUP;
  }
  const usage = () => {
    if (existsSync(join(path, 'cpuacct.usage'))) return Number(readFileSync(join(path, 'cpuacct.usage'), 'utf8')) / 1e6;
    return Number(/usage_usec (\d+)/.exec(readFileSync(join(path, 'cpu.stat'), 'utf8'))?.[1] ?? Number.NaN) / 1e3;
  };
  const pids = () =>
    readFileSync(join(path, 'cgroup.procs'), 'utf8')
      .split('\n')
      .filter((pid) => Number(pid) > 1);
  return {
    wrap: (program, args) => ['sh', ['-c', 'echo $$ >"$1/cgroup.procs" && shift && exec "$@"', 'sh', path, program, ...args]],
    milliseconds: usage,
    /** Memory of all its processes, shared pages counted in parts (PSS), in MB. */
    megabytes: () => pids().reduce((sum, pid) => sum + pssOf(pid), 0),
    /** Ends what is left in it. */
    remove: async () => {
      for (const pid of pids()) kill(pid);
      await until(() => pids().length === 0, `the end of all in ${path}`, 10_000, 20);
      rmdirSync(path);
    },
  };
}

function kill(pid) {
  try {
    process.kill(Number(pid), 'SIGKILL');
  } catch {
    // It has ended meanwhile.
  }
}

/** Memory of one process in MB; 0 for one that is gone. */
function pssOf(pid) {
  try {
    return Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1] ?? 0) / 1024;
  } catch {
    return 0;
  }
}

/** Open descriptors of one process; 0 for one that is gone. */
function descriptorsOf(pid) {
  try {
    return readdirSync(`/proc/${pid}/fd`).length;
  } catch {
    return 0;
  }
}

/** CPU time of the first thread of a process, in ms: of Node.js the one that runs all of a program's own code. */
export const threadOf = (pid) => Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[0]) / 1e6;

/** CPU time that all of this machine has used, in ms. */
export function machineCpu() {
  const [user, nice, system, , , irq, softirq] = readFileSync('/proc/stat', 'utf8').split('\n')[0].trim().split(/\s+/).slice(1).map(Number);
  return (user + nice + system + irq + softirq) * 10;
}

/** Bytes that went over the loopback, with the headers of TCP and IP. */
const loopbackBytes = () => Number(/^\s*lo:\s*(\d+)/m.exec(readFileSync('/proc/net/dev', 'utf8'))[1]);

/**
 * Weighs what runs in `lab` until `end`: bytes, connections and commands are counted, memory and descriptors are looked at now and then and their
 * most is kept. Looking costs time, so nothing that is weighed is timed.
 */
export function weigh(lab, contender, everyMs = 200) {
  const count = () => ({ bytes: loopbackBytes() - lab.asked.bytes, ...lab.sshd.seen() });
  const before = count();
  const most = { memory: 0, daemon: 0, descriptors: 0 };
  const look = () => {
    const daemon = contender.pid?.();
    most.memory = Math.max(most.memory, lab.groups.sender.megabytes());
    if (daemon === undefined) return;
    most.daemon = Math.max(most.daemon, pssOf(daemon));
    most.descriptors = Math.max(most.descriptors, descriptorsOf(daemon));
  };
  look();
  const timer = setInterval(look, everyMs);
  return {
    /** Per server: `bytes`, `handshakes`, `commands`; in all: `dropped` connections, `memory` and the `daemon`'s own in MB, its `descriptors`. */
    end: () => {
      clearInterval(timer);
      look();
      const after = count();
      const perServer = (key) => (after[key] - before[key]) / lab.servers.length;
      return {
        bytes: perServer('bytes'),
        handshakes: perServer('handshakes'),
        commands: perServer('commands'),
        dropped: after.dropped - before.dropped,
        memory: most.memory || null,
        daemon: most.daemon || null,
        descriptors: most.descriptors || null,
      };
    },
  };
}
