// `user add|list|change|remove|password`: people who sign in with a password.
import { visible } from '../core/escape.ts';
import type { UserView } from '../core/people.ts';
import { EXIT, usageFailure } from './failure.ts';
import type { Output } from './output.ts';
import { readPassword } from './password.ts';
import type { Session } from './session.ts';
import { table } from './table.ts';
import type { Cell } from './table.ts';

export type UserOptions = { readonly role: string; readonly clusters: readonly string[]; readonly teams: readonly string[] };

export async function addUser({ api, io, output }: Session, name: string, options: UserOptions): Promise<number> {
  const password = await readPassword(io, name);
  const { user } = await api().addUser({ name, password, ...options });
  output.result(user, () => [visible(`${name} is a ${user.role} for ${user.clusters.join(', ')}.`)]);
  return EXIT.done;
}

/** What is not given stays as it is. */
export async function changeUser({ api, output }: Session, name: string, change: Partial<UserOptions>): Promise<number> {
  if (Object.keys(change).length === 0) throw usageFailure('there is nothing to change; give --role, --clusters or --teams');
  const { user } = await api().changeUser(name, change);
  const teams = user.teams.length === 0 ? '' : `, of ${user.teams.join(', ')}`;
  output.result(user, () => [visible(`${name} is a ${user.role} for ${user.clusters.join(', ')}${teams}, from now on.`)]);
  return EXIT.done;
}

export async function users({ api, output }: Session): Promise<number> {
  const answer = await api().users();
  output.result(answer, () => lines(answer.users, output));
  return EXIT.done;
}

export async function removeUser({ api, output }: Session, name: string): Promise<number> {
  const answer = await api().removeUser(name);
  output.result(answer, () => [visible(answer.message)]);
  return EXIT.done;
}

export async function changePassword({ api, io, output }: Session, name: string): Promise<number> {
  const answer = await api().changePassword(name, await readPassword(io, name));
  output.result(answer, () => [visible(answer.message)]);
  return EXIT.done;
}

function lines(all: readonly UserView[], output: Output): string[] {
  if (all.length === 0) return ['There are no users yet. Add one: lockstep user add NAME --role ROLE'];
  const columns = [
    { title: 'NAME' },
    { title: 'ROLE' },
    { title: 'CLUSTERS', shrink: true },
    { title: 'TEAMS', shrink: true },
    { title: 'ADDED' },
    { title: 'BY', shrink: true },
  ];
  const rows = all.map((one): Cell[] => [
    one.name,
    one.role,
    one.clusters.join(' '),
    one.teams.join(' '),
    one.createdAt.slice(0, 10),
    one.createdBy,
  ]);
  return table(columns, rows, output.width(), output.palette.faint);
}
