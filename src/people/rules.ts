// What names, clusters and lifetimes of people and tokens may look like; whatever is not allowed is refused with what is.
import type { Grant } from '../core/people.ts';
import { DeployError } from '../core/errors.ts';

/** No spaces and no parentheses: that is how a user is told from a token wherever they are written down. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}$/;
const GLOB = /^[A-Za-z0-9._*-]{1,100}$/;
const MOST_CLUSTERS = 100;

export function checkName(name: string): void {
  if (!NAME.test(name)) {
    throw refused(`"${name}" is not a name; letters, digits and . _ @ + - are allowed, a letter or digit first, 64 characters at most`);
  }
}

export function checkGrant({ clusters }: Grant): void {
  if (clusters.length === 0 || clusters.length > MOST_CLUSTERS) throw refused('name the clusters that the role is for; "*": all of them');
  const odd = clusters.find((glob) => !GLOB.test(glob));
  if (odd !== undefined) throw refused(`"${odd}" can be no cluster; letters, digits and . _ - are allowed, and * for any of them`);
}

export const refused = (message: string): DeployError => new DeployError('refused', message);
