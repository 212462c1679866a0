// The configuration after reading and validating: defaults filled in, strings parsed, patterns still in place.
import type { Cluster } from './cluster.ts';
import type { PeopleSettings } from './people.ts';
import type { CommitCommand } from './commit-commands.ts';
import type { Permissions } from './permission.ts';
import type { NoticeSettings } from './notice.ts';
import type { Build, Repository } from './repository.ts';

/** Branch → clusters. `branch` may hold one `{name}` per path segment: `servers/{developer}`. */
export type BranchRule = {
  readonly repository: string;
  readonly branch: string;
  /** Names of clusters, with the same `{name}`s. */
  readonly clusters: readonly string[];
  readonly build: Build;
  /** Commands in messages of commits that are understood. Absent: all of them. */
  readonly commitCommands?: readonly CommitCommand[];
};

export type Configuration = {
  readonly project: string;
  readonly repositories: ReadonlyMap<string, Repository>;
  readonly branches: readonly BranchRule[];
  /** Clusters by name; a name with `{name}` in it is a pattern, whose strings are filled in for each branch (see mapping.ts). */
  readonly clusters: ReadonlyMap<string, Cluster>;
  /** Left out: nobody but the owner, users and tokens. */
  readonly people?: PeopleSettings;
  /** Absent: there are no rules and no teams. */
  readonly permissions?: Permissions;
  readonly notices: NoticeSettings;
};
