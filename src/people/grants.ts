// What somebody may whom an identity provider or a proxy vouches for: the first of the configured groups that they are in.
import type { Actor } from '../core/actor.ts';
import type { PeopleSettings, PeopleStore } from '../core/people.ts';
import { isName } from './rules.ts';

export type GrantTools = { readonly store: PeopleStore; readonly settings: () => PeopleSettings | null };

/**
 * `null`: they are in none of them, or they are called what nobody can be called here, or what a user of ours is called: then nobody could
 * tell the two apart.
 */
export async function grantedBy(tools: GrantTools, name: string, groups: readonly string[], address: string | null): Promise<Actor | null> {
  const grant = tools.settings()?.groups.find(({ group }) => group === '*' || groups.includes(group));
  if (grant === undefined || !isName(name) || (await tools.store.user(name)) !== null) return null;
  return { kind: 'user', name, teams: grant.teams, role: grant.role, clusters: grant.clusters, address };
}
