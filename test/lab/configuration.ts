// Configurations as most tests need them: one Git repository, one branch of it, one cluster.
import { join } from 'node:path';

/** The branch `servers/<name>` feeds the cluster `<name>`. `cluster`, `branch`: their keys beside those that every test has. */
export const oneCluster = (name: string, git: string, cluster: object, branch: object = {}) => ({
  project: 'shop',
  repositories: { shop: { type: 'git', url: git } },
  branches: [{ repository: 'shop', branch: `servers/${name}`, clusters: [name], ...branch }],
  clusters: { [name]: { environment: 'test', ...cluster } },
});

/** Directories of this machine: `web1` in `<dir>/servers/web1`. */
export const localServers = (dir: string, numbers: readonly number[]) =>
  numbers.map((i) => ({ name: `web${i}`, path: join(dir, `servers/web${i}`) }));

/** Keys of a cluster of many simulated servers. `delay`: of each operation at most. */
export const fleet = (servers: number, delay: string) => ({
  concurrency: 50,
  connections: 50,
  transport: 'simulated',
  servers: [`web[1-${servers}]`],
  simulation: { delay },
});
