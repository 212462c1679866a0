// All forges by their names.
import type { Forge } from '../core/forge.ts';
import { azureDevOps } from './azure-devops.ts';
import { bitbucketCloud } from './bitbucket-cloud.ts';
import { bitbucketServer } from './bitbucket-server.ts';
import { forgejo } from './forgejo.ts';
import { gerrit } from './gerrit.ts';
import { gitea } from './gitea.ts';
import { gitee } from './gitee.ts';
import { github } from './github.ts';
import { gitlab } from './gitlab.ts';
import { gogs } from './gogs.ts';
import type { Provider } from './provider.ts';

export const PROVIDERS: Readonly<Record<Forge, Provider>> = {
  github,
  gitlab,
  gitea,
  forgejo,
  gogs,
  'bitbucket-cloud': bitbucketCloud,
  'bitbucket-server': bitbucketServer,
  'azure-devops': azureDevOps,
  gerrit,
  gitee,
};
