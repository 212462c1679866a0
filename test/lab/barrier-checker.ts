// Checks promise I2 from outside: it reads a journal only, and knows the order of the stages, not how evolve works.
import type { Recorded } from '../../src/core/event.ts';

/**
 * Throws when a server finishes a stage of the way forward while another member has not finished the one before and has not been
 * excluded (a failed schedule or upload, or a failed unlock, excludes a server). Stages are numbered in the order of the course.
 */
export class BarrierChecker {
  readonly #stages: readonly { scope: 'server' | 'cluster'; direction: string; action: string }[];
  /** Highest stage that each server has finished. */
  readonly #reached: Int16Array;
  readonly #excluded: Uint8Array;
  /** How many members have finished each stage. */
  readonly #finished = new Map<number, number>();
  #members: number;

  constructor(servers: number, stages: readonly { scope: 'server' | 'cluster'; direction: string; action: string }[]) {
    this.#stages = stages;
    this.#reached = new Int16Array(servers).fill(-1);
    this.#excluded = new Uint8Array(servers);
    this.#members = servers;
  }

  see({ event }: Recorded): void {
    if (event.type === 'skipped') return this.#exclude(event.server);
    if (event.type !== 'finished' && event.type !== 'failed') return;
    const stage = this.#stages[event.stage];
    if (stage === undefined || stage.direction === 'back') return;
    if (event.type === 'failed') return this.#fail(event.server, stage.action);
    // A server that stays behind may be locked with the others: it is none of them any more.
    if (event.server !== null && this.#excluded[event.server] === 1) return;
    this.#checkBefore(event.stage);
    if (event.server !== null) this.#reached[event.server] = event.stage;
    this.#finished.set(event.stage, (this.#finished.get(event.stage) ?? 0) + 1);
  }

  #fail(server: number | null, action: string): void {
    if (server === null || !['schedule', 'upload', 'unlock', 'readd', 'collect'].includes(action)) return;
    this.#exclude(server);
  }

  #exclude(server: number): void {
    if (this.#excluded[server] === 1) return;
    this.#excluded[server] = 1;
    this.#members -= 1;
    // What the excluded server had finished no longer counts.
    for (let stage = 0; stage <= (this.#reached[server] ?? -1); stage++) {
      if (this.#stages[stage]?.scope === 'server') this.#finished.set(stage, (this.#finished.get(stage) ?? 0) - 1);
    }
  }

  #checkBefore(stage: number): void {
    const before = stage - 1;
    if (before < 0) return;
    const wanted = this.#stages[before]?.scope === 'cluster' ? 1 : this.#members;
    const finished = this.#finished.get(before) ?? 0;
    if (finished < wanted)
      throw new Error(`I2 is broken: stage ${stage} was finished while only ${finished} of ${wanted} had finished ${before}`);
  }
}
