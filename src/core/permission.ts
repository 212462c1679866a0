// Who may do what to which cluster: rules of the configuration, over what the door has made sure of. Without any rule, the roles alone decide.
import { actorText, hasRole, ROLES } from './actor.ts';
import type { Actor, Role } from './actor.ts';
import { matchesGlob } from './glob.ts';

/** `deploy`: also retry and release a hold; `rollback`: also the emergency; `pause`: also resume and skip; `lock`: also unlock. */
export const ACTIONS = ['deploy', 'rollback', 'abort', 'pause', 'lock', 'settle', 'approve'] as const;
export type Action = (typeof ACTIONS)[number];

export type Permission = {
  /** `ann` (a user or a pusher), `user:ann`, `pusher:ann`, `token:ci`, `team:ops`, `role:operator`, or `*`: everybody, known or not. */
  readonly who: readonly string[];
  readonly may: readonly Action[];
  /** Globs. */
  readonly clusters: readonly string[];
};

export type Permissions = {
  readonly rules: readonly Permission[];
  /** Teams by name, with members as in `who`, beside the teams that people are signed in with. */
  readonly teams: Readonly<Record<string, readonly string[]>>;
};

export const NO_RULES: Permissions = { rules: [], teams: {} };

/**
 * Why the actor may not, as one sentence that says which rule is missing; `null`: they may. `actor` null: nobody is known. With any rule at
 * all, what no rule allows is refused; the owner may everything.
 */
export function refusalOf(permissions: Permissions, actor: Actor | null, action: Action, cluster: string): string | null {
  const { rules } = permissions;
  if (rules.length === 0 || actor?.kind === 'owner') return null;
  const allows = ({ who, may, clusters }: Permission): boolean =>
    may.includes(action) && clusters.some((glob) => matchesGlob(glob, cluster)) && who.some((one) => isMeant(permissions, one, actor));
  if (rules.some(allows)) return null;
  const name = actor === null ? '*' : actor.kind === 'token' ? `token:${actor.name}` : actor.name;
  const who = actor === null ? 'somebody who is not known' : actorText(actor);
  const rule = `{"who": [${JSON.stringify(name)}], "may": ["${action}"], "clusters": [${JSON.stringify(cluster)}]}`;
  return `${who} may not ${VERBS[action]} ${cluster}: no rule of "permissions" allows it; this one would: ${rule}`;
}

const VERBS: Readonly<Record<Action, string>> = {
  deploy: 'deploy to',
  rollback: 'roll back',
  abort: 'abort deployments of',
  pause: 'pause deployments of',
  lock: 'lock or unlock',
  settle: 'settle migrations of',
  approve: 'approve deployments of',
};

/** Is the actor one of those that `who` means? A role is meant of those who were given one; a pusher has none. */
export function isMeant({ teams }: Permissions, who: string, actor: Actor | null): boolean {
  if (who === '*') return true;
  if (actor === null) return false;
  const colon = who.indexOf(':');
  const [kind, name] = colon === -1 ? ['', who] : [who.slice(0, colon), who.slice(colon + 1)];
  switch (kind) {
    case '':
      return (actor.kind === 'user' || actor.kind === 'pusher') && actor.name === name;
    case 'user':
    case 'pusher':
    case 'token':
      return actor.kind === kind && actor.name === name;
    case 'role':
      return (actor.kind === 'user' || actor.kind === 'token') && isRole(name) && hasRole(actor, name);
    case 'team': {
      const members = Object.hasOwn(teams, name) ? (teams[name] ?? []) : [];
      // Teams have no teams: nothing to go round in.
      return actor.teams.includes(name) || members.some((one) => !one.startsWith('team:') && isMeant(NO_RULES, one, actor));
    }
    default:
      return false;
  }
}

const isRole = (name: string): name is Role => (ROLES as readonly string[]).includes(name);

/** What `who` may look like; anything else is a mistake in the configuration. */
export const WHO = /^(?:\*|(?:(?:user|pusher|token|team):)?[^\s:*][^:]{0,99}|role:(?:viewer|deployer|operator|admin))$/;
