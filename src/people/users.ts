// Users of our own: people with a name and a password, added by an admin.
import { actorText } from '../core/actor.ts';
import type { Actor } from '../core/actor.ts';
import { DeployError } from '../core/errors.ts';
import type { People, PeopleStore, UserGrant, UserRecord, UserView, Witness } from '../core/people.ts';
import { hashPassword } from './passwords.ts';
import { checkGrant, checkName, checkPassword, checkTeams } from './rules.ts';

export type UserTools = { readonly store: PeopleStore; readonly witness: Witness; readonly now: () => number };

export function createUsers({
  store,
  witness,
  now,
}: UserTools): Pick<People, 'users' | 'addUser' | 'changeUser' | 'removeUser' | 'changePassword'> {
  async function known(name: string): Promise<UserRecord> {
    const user = await store.user(name);
    if (user === null) throw unknown(name);
    return user;
  }

  const tell = (what: 'user-added' | 'user-changed' | 'user-removed' | 'password-changed', actor: Actor, detail: string): void =>
    witness({ what, who: actorText(actor), address: actor.address, detail });

  return {
    users: async () => (await store.users()).map(viewOf),
    async addUser({ password, ...order }, actor) {
      const { name, role, clusters, teams } = order;
      checkName(name);
      checkGrant(order);
      checkTeams(teams);
      checkPassword(name, password);
      if ((await store.user(name)) !== null) throw taken(name);
      const record: UserRecord = {
        name,
        role,
        clusters,
        teams,
        password: await hashPassword(password),
        createdBy: actorText(actor),
        createdAt: now(),
      };
      // Hashing takes its time: somebody else may have been quicker.
      if ((await store.user(name)) !== null) throw taken(name);
      await store.putUser(record);
      tell('user-added', actor, `${name}: ${spoken(record)}`);
      return viewOf(record);
    },
    async changeUser(name, change, actor) {
      const before = await known(name);
      const after: UserRecord = { ...before, ...change };
      checkGrant(after);
      checkTeams(after.teams);
      if (!(await store.changeUser(name, after))) throw unknown(name);
      tell('user-changed', actor, `${name}: ${spoken(before)} → ${spoken(after)}`);
      return viewOf(after);
    },
    async removeUser(name, actor) {
      await known(name);
      await store.removeUser(name);
      tell('user-removed', actor, name);
    },
    async changePassword(name, password, actor) {
      await known(name);
      checkPassword(name, password);
      const hash = await hashPassword(password);
      await store.putUser({ ...(await known(name)), password: hash });
      tell('password-changed', actor, name);
    },
  };
}

const unknown = (name: string): DeployError =>
  new DeployError('not-found', `there is no user ${JSON.stringify(name)}; see: lockstep user list`);

const taken = (name: string): DeployError =>
  new DeployError('conflict', `there is a user ${name} already; for another password: lockstep user password ${name}`);

const spoken = ({ role, clusters, teams }: UserGrant): string =>
  `${role} for ${clusters.join(', ')}${teams.length === 0 ? '' : `, of ${teams.join(', ')}`}`;

const viewOf = ({ name, role, clusters, teams, createdBy, createdAt }: UserRecord): UserView => ({
  name,
  role,
  clusters,
  teams,
  createdBy,
  createdAt: new Date(createdAt).toISOString(),
});
