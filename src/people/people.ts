// Everybody who may use the daemon besides its owner.
import type { People, PeopleStore, Witness } from '../core/people.ts';
import { createTokens } from './tokens.ts';

export type PeopleTools = {
  readonly store: PeopleStore;
  readonly witness: Witness;
  /** Milliseconds since 1970. */
  readonly now: () => number;
};

export function createPeople(tools: PeopleTools): People {
  return { ...createTokens(tools) };
}
