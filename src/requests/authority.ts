// Authority: every request of a person passes here. It is refused where no rule allows it, and who asked goes into the audit.
import { auditedActor } from '../core/audit.ts';
import type { Audit, AuditNote } from '../core/audit.ts';
import type { Actor } from '../core/actor.ts';
import type { Configuration } from '../core/configuration.ts';
import type { Decision } from '../core/decide.ts';
import { DeployError } from '../core/errors.ts';
import { NO_RULES, refusalOf } from '../core/permission.ts';
import type { Action } from '../core/permission.ts';
import type { Engine } from '../core/ports.ts';
import type { State } from '../core/state.ts';

/** What is asked for. `deployment` null: it is about the cluster. */
export type Wanted = { readonly action: Action; readonly cluster: string; readonly deployment: number | null };

export type Authority = {
  /** Rejects with `refused` when no rule allows it; that is in the audit. */
  check(actor: Actor, wanted: Wanted): Promise<void>;
  /** As `Engine.request`, when `check` says nothing; its events are in the audit as the actor's, and so is a refusal. */
  request<T>(actor: Actor, wanted: Wanted, decide: (state: State) => Decision<T>): Promise<T>;
  /** Records that a request was refused for this reason, and rejects with it. */
  refuse(actor: Actor, wanted: Wanted, reason: string): Promise<never>;
};

export function createAuthority(engine: Engine, configuration: () => Configuration): Authority {
  const audit = createAudit(engine);

  async function refuse(actor: Actor, { cluster, deployment }: Wanted, reason: string): Promise<never> {
    await audit.record(refusalNote(actor, cluster, deployment, reason));
    throw new DeployError('refused', reason);
  }

  async function check(actor: Actor, wanted: Wanted): Promise<void> {
    const reason = refusalOf(configuration().permissions ?? NO_RULES, actor, wanted.action, wanted.cluster);
    if (reason !== null) await refuse(actor, wanted, reason);
  }

  return {
    check,
    refuse,
    async request(actor, wanted, decide) {
      await check(actor, wanted);
      try {
        return await engine.request((state) => ({ ...decide(state), actor }));
      } catch (error) {
        if (error instanceof DeployError && error.code === 'refused') return refuse(actor, wanted, error.message);
        throw error;
      }
    },
  };
}

/** The audit for those whose doings are no events: the journal's turn makes the note durable. */
export function createAudit(engine: Engine): Audit {
  return { record: (note) => engine.request(() => ({ events: [], notes: [note], result: undefined })) };
}

function refusalNote(actor: Actor, cluster: string, deployment: number | null, reason: string): AuditNote {
  return { ...auditedActor(actor), action: 'refuse', cluster, deployment, text: `refused: ${reason}` };
}
