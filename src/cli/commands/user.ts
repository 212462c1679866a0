// Commands about people who sign in with a password.
import type { Command } from 'commander';
import { addUser, changePassword, changeUser, removeUser, users } from '../users.ts';
import { commaList, roleOption } from './options.ts';
import type { Does } from './definition.ts';

type UserOptions = { role?: string; clusters?: readonly string[]; teams?: readonly string[] };

export function userCommands(program: Command, does: Does): void {
  const user = program.command('user').description('people who sign in with a password');
  does(
    user
      .command('add')
      .description('add a user; the password is asked for, or read from standard input')
      .argument('<name>')
      .addOption(roleOption().makeOptionMandatory())
      .option('--clusters <globs>', 'clusters that the role is for, separated by commas', commaList, ['*'])
      .option('--teams <names>', 'teams, separated by commas', commaList, []),
    (session, [name = ''], { role: wanted = '', clusters = [], teams = [] }: UserOptions) =>
      addUser(session, name, { role: wanted, clusters, teams }),
  );
  does(
    user
      .command('change')
      .description('change what a user may, or their teams; it counts at once')
      .argument('<name>')
      .addOption(roleOption())
      .option('--clusters <globs>', 'clusters that the role is for, separated by commas', commaList)
      .option('--teams <names>', 'teams, separated by commas; "" for none', commaList),
    (session, [name = ''], { role: wanted, clusters, teams }: UserOptions) =>
      changeUser(session, name, { ...(wanted && { role: wanted }), ...(clusters && { clusters }), ...(teams && { teams }) }),
  );
  does(user.command('list').description('users, with what they may'), (session) => users(session));
  does(user.command('remove').description('remove a user; their sessions end').argument('<name>'), (session, [name = '']) =>
    removeUser(session, name),
  );
  does(
    user.command('password').description('give a user another password; it is asked for, or read from standard input').argument('<name>'),
    (session, [name = '']) => changePassword(session, name),
  );
}
