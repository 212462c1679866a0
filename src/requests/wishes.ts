// What who committed and who pushed a head asked for: not to deploy it, to build it from scratch, to deploy it at a certain time.
import { COMMIT_COMMANDS, commandsIn } from '../core/commit-commands.ts';
import type { BranchRule } from '../core/configuration.ts';
import { pushWishes } from '../core/push-options.ts';
import type { Change, Commit } from '../core/repository.ts';
import { whenIs } from './time-of-day.ts';

export type Wishes = {
  /** Why nothing is to be deployed, as part of a sentence; `null`: nothing speaks against it. */
  readonly skip: string | null;
  /** Why the options cannot be followed; `null`: they can. */
  readonly problem: string | null;
  readonly fromScratch: boolean;
  /** The earliest time of the deployment, milliseconds since 1970; `null`: at once. */
  readonly notBefore: number | null;
};

export const understoodCommands = ({ commitCommands = COMMIT_COMMANDS }: BranchRule): typeof commitCommands => commitCommands;

/** `commit` null: its message does not matter. `change` counts only if it names the ref. */
export function wishesOf(rule: BranchRule, ref: string, commit: Commit | null, change: Change, receivedAt: number): Wishes {
  const said = commandsIn(commit?.message ?? '', understoodCommands(rule));
  const isNamed = change.refs.some((one) => one.ref === ref);
  const pushed = pushWishes(isNamed ? (change.options ?? []) : []);
  const notBefore = pushed.at === null ? null : whenIs(pushed.at, change.pushedAt ?? receivedAt);
  const tooFar = pushed.at !== null && notBefore === null ? `deploy.at=${pushed.at} is no date, or more than 30 days away` : null;
  const skip =
    said.skip !== null ? `${said.skip} stands in its message` : pushed.skip !== null ? `it was pushed with ${pushed.skip}` : null;
  return { skip, problem: pushed.problem ?? tooFar, fromScratch: said.fromScratch, notBefore };
}
