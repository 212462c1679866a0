// `token create|list|revoke`: tokens of the API, for programs and for people at a shell.
import { visible } from '../core/escape.ts';
import { EXIT } from './failure.ts';
import type { Output } from './output.ts';
import type { Session } from './session.ts';
import { table } from './table.ts';
import type { Cell } from './table.ts';
import { ago } from './words.ts';
import type { TokenView } from '../core/people.ts';

export type TokenOptions = { readonly role: string; readonly clusters: readonly string[]; readonly days: number | undefined };

/** The token goes to standard output alone, so that `> file` holds it and nothing else; what is to be said about it, to standard error. */
export async function createToken({ api, io, output }: Session, name: string, options: TokenOptions): Promise<number> {
  const { token, secret } = await api().createToken({ name, ...options });
  const about = `${name} is a ${token.role} for ${token.clusters.join(', ')} until ${token.expiresAt}. The token is shown this once:`;
  if (!output.json) io.stderr.write(`${visible(about)}\n`);
  output.result({ ...token, secret }, () => [visible(secret)]);
  return EXIT.done;
}

export async function tokens({ api, output }: Session): Promise<number> {
  const answer = await api().tokens();
  output.result(answer, () => lines(answer.tokens, output));
  return EXIT.done;
}

export async function revokeToken({ api, output }: Session, name: string): Promise<number> {
  const answer = await api().revokeToken(name);
  output.result(answer, () => [visible(`${name} is revoked: nobody comes in with it from now on.`)]);
  return EXIT.done;
}

function lines(all: readonly TokenView[], output: Output): string[] {
  if (all.length === 0) return ['There is no token besides the one of the owner. Make one: lockstep token create NAME --role ROLE'];
  const columns = [
    { title: 'NAME' },
    { title: 'ROLE' },
    { title: 'CLUSTERS', shrink: true },
    { title: 'STATE' },
    { title: 'UNTIL' },
    { title: 'LAST USED' },
    { title: 'MADE BY', shrink: true },
  ];
  const rows = all.map((one): Cell[] => [
    one.name,
    one.role,
    one.clusters.join(' '),
    one.state,
    one.expiresAt.slice(0, 10),
    one.usedAt === null ? 'never' : ago(one.usedAt),
    one.createdBy,
  ]);
  return table(columns, rows, output.width(), output.palette.faint);
}
