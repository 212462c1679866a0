// Options that a person gave to `git push -o`, as our hook passes them on: `deploy.skip`, `deploy.at=22:00`.

export type PushWishes = {
  /** The option that says that nothing is to be deployed; `null`: none does. */
  readonly skip: string | null;
  /** When the deployment may begin, as it was written (`22:00`, `2026-11-23T02:00`, `2026-11-23T02:00Z`); `null`: at once. */
  readonly at: string | null;
  /** Why the options cannot be followed; then nothing is deployed. */
  readonly problem: string | null;
};

const NONE: PushWishes = { skip: null, at: null, problem: null };
const ALLOWED = 'allowed: deploy.skip, deploy.at=22:00 and deploy.at=2026-11-23T02:00';

/** A time of the day, or a date and a time, of the daemon's machine unless it ends with Z. */
export const PUSH_TIME = /^(?:\d{4}-\d{2}-\d{2}T)?(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d)?Z?$/;

/** Options that do not begin with `deploy.` are for others. Of several times the last one counts. */
export function pushWishes(options: readonly string[]): PushWishes {
  let wishes = NONE;
  for (const option of options.filter((one) => one.startsWith('deploy.'))) {
    const at = /^deploy\.at=(.*)$/.exec(option)?.[1];
    if (option === 'deploy.skip') wishes = { ...wishes, skip: option };
    else if (at !== undefined && PUSH_TIME.test(at)) wishes = { ...wishes, at };
    else wishes = { ...wishes, problem: `${JSON.stringify(option)} is no push option of Lockstep; ${ALLOWED}` };
  }
  return wishes;
}
