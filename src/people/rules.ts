// What names, clusters and lifetimes of people and tokens may look like; whatever is not allowed is refused with what is.
import type { Grant } from '../core/people.ts';
import { DeployError } from '../core/errors.ts';

/** No spaces and no parentheses: that is how a user is told from a token wherever they are written down. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}$/;
const GLOB = /^[A-Za-z0-9._*-]{1,100}$/;
const MOST_CLUSTERS = 100;

export const isName = (name: string): boolean => NAME.test(name);

export function checkName(name: string): void {
  if (!isName(name)) {
    throw refused(`"${name}" is not a name; letters, digits and . _ @ + - are allowed, a letter or digit first, 64 characters at most`);
  }
}

export function checkTeams(teams: readonly string[]): void {
  if (teams.length > MOST_CLUSTERS) throw refused(`at most ${MOST_CLUSTERS} teams are allowed`);
  for (const team of teams) checkName(team);
}

export function checkGrant({ clusters }: Grant): void {
  if (clusters.length === 0 || clusters.length > MOST_CLUSTERS) throw refused('name the clusters that the role is for; "*": all of them');
  const odd = clusters.find((glob) => !GLOB.test(glob));
  if (odd !== undefined) throw refused(`"${odd}" can be no cluster; letters, digits and . _ - are allowed, and * for any of them`);
}

const SHORTEST_PASSWORD = 10;
/** Longer ones would only be work for whoever checks them. */
const LONGEST_PASSWORD = 1024;

/** Length is what makes a password good; rules about characters do not (NIST SP 800-63B, 3.1.1). */
export function checkPassword(name: string, password: string): void {
  if (Array.from(password).length < SHORTEST_PASSWORD) throw refused(`a password has at least ${SHORTEST_PASSWORD} characters`);
  if (Buffer.byteLength(password) > LONGEST_PASSWORD) throw refused(`a password has at most ${LONGEST_PASSWORD} bytes`);
  if (password.toLowerCase().includes(name.toLowerCase())) throw refused('the password must not hold the name');
}

export const refused = (message: string): DeployError => new DeployError('refused', message);
