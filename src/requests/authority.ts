// Authority: every request of a person passes here. It carries who asks into the audit.
import { auditedActor } from '../core/audit.ts';
import type { Audit, AuditNote } from '../core/audit.ts';
import type { Actor } from '../core/actor.ts';
import type { Decision } from '../core/decide.ts';
import type { Engine } from '../core/ports.ts';
import type { State } from '../core/state.ts';

export type Authority = {
  /** As `Engine.request`; its events are in the audit as the actor's. */
  request<T>(actor: Actor, decide: (state: State) => Decision<T>): Promise<T>;
};

export function createAuthority(engine: Engine): Authority {
  return {
    request: (actor, decide) => engine.request((state) => ({ ...decide(state), actor })),
  };
}

/** The audit for those whose doings are no events: the journal's turn makes the note durable. */
export function createAudit(engine: Engine): Audit {
  return { record: (note) => engine.request(() => ({ events: [], notes: [note], result: undefined })) };
}

/** A request that was refused, and why. */
export function refusalNote(actor: Actor | null, cluster: string | null, deployment: number | null, reason: string): AuditNote {
  return { ...auditedActor(actor), action: 'refuse', cluster, deployment, text: `refused: ${reason}` };
}
