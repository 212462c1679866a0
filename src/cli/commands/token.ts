// Commands about tokens of the API.
import type { Command } from 'commander';
import { createToken, revokeToken, tokens } from '../tokens.ts';
import { commaList, roleOption, wholeNumber } from './options.ts';
import type { Does } from './definition.ts';

type TokenOptions = { role?: string; clusters?: readonly string[]; days?: number };

export function tokenCommands(program: Command, does: Does): void {
  const token = program.command('token').description('tokens of the API, for programs and for people at a shell');
  does(
    token
      .command('create')
      .description('make a token; it is shown once')
      .argument('<name>', 'what it is for: it stands in the history')
      .addOption(roleOption().makeOptionMandatory())
      .option('--clusters <globs>', 'clusters that the role is for, separated by commas', commaList, ['*'])
      .option('--days <n>', 'how long it is valid', wholeNumber, 90),
    (session, [name = ''], { role: wanted = '', clusters = [], days }: TokenOptions) =>
      createToken(session, name, { role: wanted, clusters, days }),
  );
  does(token.command('list').description('tokens, with when they were used last and until when they are valid'), (session) =>
    tokens(session),
  );
  does(token.command('revoke').description('let nobody come in with a token any more').argument('<name>'), (session, [name = '']) =>
    revokeToken(session, name),
  );
}
