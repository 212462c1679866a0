// Settling a migration of which nobody knows whether it ran: first in the database, if Lockstep keeps its record there, then in the journal.
import { actorText } from '../core/actor.ts';
import type { Actor } from '../core/actor.ts';
import type { MigrationSettings } from '../core/cluster.ts';
import { decideSettle } from '../core/decide-steering.ts';
import type { Deployment } from '../core/deployment.ts';
import { DeployError } from '../core/errors.ts';
import { tokenOf } from '../core/next.ts';
import type { Engine, Migrations } from '../core/ports.ts';

import type { Authority } from './authority.ts';

export type SettleTools = {
  readonly engine: Engine;
  readonly authority: Authority;
  readonly migrations: Migrations;
  readonly log: (deployment: number, text: string) => void;
};

/** An operator who waits for an answer should have one. */
const LIMIT_MS = 20_000;

export type Settle = (number: number, done: boolean, actor: Actor) => Promise<string>;

/** Both halves are idempotent: if the daemon dies between them, the operator says it again. Rejects with what `decideSettle` throws, too. */
export function createSettler({ engine, authority, migrations, log }: SettleTools): Settle {
  const underWay = new Set<number>();

  async function inDatabase(deployment: Deployment, settings: MigrationSettings, done: boolean): Promise<void> {
    const { number } = deployment;
    const request = { settings, deployment: number, token: tokenOf(deployment), log: (line: string) => log(number, `${line}\n`) };
    await migrations.settle(request, done, AbortSignal.timeout(LIMIT_MS));
  }

  const wanted = (number: number) =>
    ({ action: 'settle', cluster: engine.state.deployments.get(number)?.cluster.name ?? '', deployment: number }) as const;

  return async (number, done, actor) => {
    const by = actorText(actor);
    // Refused now rather than after the database was changed.
    decideSettle(engine.state, number, done, by);
    // Two operators who say different things at the same time: the database must not hear both.
    if (underWay.has(number)) throw new DeployError('conflict', `deployment ${number} is being settled by somebody else at this moment`);
    underWay.add(number);
    try {
      const deployment = engine.state.deployments.get(number);
      const settings = deployment?.cluster.migrations ?? null;
      if (deployment !== undefined && settings !== null) await inDatabase(deployment, settings, done);
      return await authority.request(actor, wanted(number), (state) => decideSettle(state, number, done, by));
    } finally {
      underWay.delete(number);
    }
  };
}
