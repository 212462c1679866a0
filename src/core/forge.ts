// Forges: the servers that host repositories for people and tell us over a webhook what was pushed.

/** As the configuration names them. A repository without one is told about by the hooks that `lockstep hooks install` puts into it. */
export const FORGES = [
  'github',
  'gitlab',
  'gitea',
  'forgejo',
  'gogs',
  'bitbucket-cloud',
  'bitbucket-server',
  'azure-devops',
  'gerrit',
  'gitee',
] as const;

export type Forge = (typeof FORGES)[number];
