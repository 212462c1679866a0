// Commands that ask the daemon to do something: deploy, roll back, abort, pause, resume, skip, retry, lock, unlock, and settling a migration.
import type { Accepted } from '../core/application.ts';
import { visible } from '../core/escape.ts';
import { EXIT } from './failure.ts';
import { showProgress } from './progress.ts';
import type { Session } from './session.ts';

/** With `wait`, exit 0 only if the deployment ends as `done`; nothing to deploy (it is live already) is 0, too. */
export async function deploy(
  session: Session,
  cluster: string,
  { revision, force, drift, wait }: { revision: string | undefined; force: boolean; drift: string | undefined; wait: boolean },
): Promise<number> {
  return follow(session, await session.api().deploy(cluster, { revision, force, drift }), wait);
}

/** Goes back to a release that was live. With `wait`, exit 0 only if the cluster is there. */
export async function rollback(
  session: Session,
  cluster: string,
  { to, emergency, wait }: { to: string | undefined; emergency: boolean; wait: boolean },
): Promise<number> {
  return follow(session, await session.api().rollback(cluster, { to, emergency }), wait);
}

export const releaseHold = (session: Session, cluster: string): Promise<number> => tell(session, session.api().releaseHold(cluster));

async function follow(session: Session, accepted: Accepted, wait: boolean): Promise<number> {
  if (!wait || accepted.deployment === null) {
    const more = accepted.deployment === null ? [] : [`Follow it: lockstep wait ${accepted.deployment}`];
    session.output.result(accepted, () => [visible(accepted.message), ...more]);
    return EXIT.done;
  }
  session.output.line(visible(accepted.message));
  return showProgress(session, accepted.deployment);
}

export const abort = (session: Session, number: number): Promise<number> => tell(session, session.api().abort(number));

export const pause = (session: Session, number: number): Promise<number> => tell(session, session.api().pause(number));

export const resume = (session: Session, number: number): Promise<number> => tell(session, session.api().resume(number));

export const approve = (session: Session, number: number): Promise<number> => tell(session, session.api().approve(number));

export const reject = (session: Session, number: number, reason: string): Promise<number> =>
  tell(session, session.api().reject(number, reason));

export const skip = (session: Session, number: number, server: string): Promise<number> =>
  tell(session, session.api().skip(number, server));

export async function retry(session: Session, number: number, server: string | null, wait: boolean): Promise<number> {
  return follow(session, await session.api().retry(number, server), wait);
}

export const settleMigration = (session: Session, number: number, done: boolean): Promise<number> =>
  tell(session, session.api().settleMigration(number, done));

export const lock = (session: Session, cluster: string, reason: string): Promise<number> =>
  tell(session, session.api().lock(cluster, reason));

export const unlock = (session: Session, cluster: string): Promise<number> => tell(session, session.api().unlock(cluster));

async function tell({ output }: Session, answer: Promise<Accepted>): Promise<number> {
  const accepted = await answer;
  output.result(accepted, () => [visible(accepted.message)]);
  return EXIT.done;
}
