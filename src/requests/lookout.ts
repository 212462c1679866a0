// The lookout: when a repository is looked at. Changes that arrive while one look is under way share the next.
import { problemOf } from '../core/errors.ts';
import type { Change, Repository } from '../core/repository.ts';
import { isHook, look } from './look.ts';
import type { LookTools, RefOutcome } from './look.ts';
import { withSharedCommits } from './shared-commits.ts';
import { hasMoved, sightOf } from './sight.ts';

export type Lookout = {
  /**
   * Looks at the change's repository soon; resolves with the recorded outcomes. Rejects with `store`. The same delivery again while it is
   * being looked into is one and the same.
   */
  report(repository: Repository, change: Change, receivedAt: number): Promise<readonly RefOutcome[]>;
  /** Looks at every configured repository now, then each at its interval, for hooks that got lost. */
  startPolling(): void;
  /** Follows a new configuration: other repositories, other intervals. */
  reschedule(): void;
  /** Ends polling; resolves when no look is under way. */
  stop(): Promise<void>;
};

type Waiting = {
  readonly change: Change;
  readonly receivedAt: number;
  readonly resolve: (outcomes: readonly RefOutcome[]) => void;
  readonly reject: (error: unknown) => void;
};

/** The longer one where a hook has told of something since the start: then only a lost one is waited for in vain. */
const HOOK_FIRST_MS = { heard: 5_000, never: 1_000 };
const LOOKS_AT_ONCE = 100;

export function createLookout(tools: LookTools, now: () => number, log: (message: string) => void): Lookout {
  const waiting = new Map<string, Waiting[]>();
  const busy = new Map<string, Promise<void>>();
  const underWay = new Map<string, Promise<readonly RefOutcome[]>>();
  const timers = new Map<string, { timer: NodeJS.Timeout; pollMs: number }>();
  /** Names of repositories. */
  const heard = new Set<string>();
  let isPolling = false;

  function report(repository: Repository, change: Change, receivedAt: number): Promise<readonly RefOutcome[]> {
    if (isHook(change)) heard.add(repository.name);
    const key = `${repository.name}\n${change.delivery}`;
    const known = underWay.get(key);
    if (known !== undefined) return known;
    const outcomes = enqueue(repository, change, receivedAt).finally(() => underWay.delete(key));
    underWay.set(key, outcomes);
    return outcomes;
  }

  function enqueue(repository: Repository, change: Change, receivedAt: number): Promise<readonly RefOutcome[]> {
    return new Promise((resolve, reject) => {
      const queue = waiting.get(repository.name) ?? [];
      queue.push({ change, receivedAt, resolve, reject });
      waiting.set(repository.name, queue);
      if (!busy.has(repository.name))
        busy.set(
          repository.name,
          work(repository).finally(() => busy.delete(repository.name)),
        );
    });
  }

  async function work(repository: Repository): Promise<void> {
    for (;;) {
      const batch = waiting.get(repository.name) ?? [];
      waiting.delete(repository.name);
      if (batch.length === 0) return;
      const sight = await sightOf(
        tools,
        repository,
        batch.map(({ change }) => change),
      );
      if ('problem' in sight) log(`repository ${repository.name} does not answer: ${sight.problem}`);
      const shared = withSharedCommits(tools);
      // Two looks at a branch that moved must not both take it for new. Where nothing moved, those that come in a flood share one commit.
      const atOnce = (): number => ('heads' in sight && hasMoved(tools, repository, sight) ? 1 : LOOKS_AT_ONCE);
      while (batch.length > 0) {
        const some = batch.splice(0, atOnce());
        await Promise.all(
          some.map(({ change, receivedAt, resolve, reject }) => look(shared, repository, sight, change, receivedAt).then(resolve, reject)),
        );
      }
    }
  }

  /** A push moves the branch a moment before its hook tells who pushed, and with which options: the hook comes first if it can. */
  async function pollLater(repository: Repository): Promise<void> {
    const seen = await sightOf(tools, repository);
    if ('heads' in seen && hasMoved(tools, repository, seen)) {
      const ms = heard.has(repository.name) ? HOOK_FIRST_MS.heard : HOOK_FIRST_MS.never;
      await new Promise((resolve) => setTimeout(resolve, ms).unref());
      if (!isPolling) return;
      const found = await sightOf(tools, repository);
      // What was pushed meanwhile has a hook of its own, which the next poll waits for.
      if ('heads' in found && [...found.heads].some(([branch, revision]) => seen.heads.get(branch) !== revision)) return;
    }
    const current = tools.configuration().repositories.get(repository.name);
    if (isPolling && current !== undefined) poll(current, 'poll');
  }

  function poll(repository: Repository, source: 'poll' | 'start'): void {
    const change = { delivery: source, repository: repository.name, refs: [], actor: null, source };
    const complain = (error: unknown): void => log(`poll of ${repository.name}: ${problemOf(error).message}`);
    report(repository, change, now()).catch(complain);
    reportOpen(repository).catch(complain);
  }

  /** Deliveries that were answered, and whose outcome could not be recorded (the daemon died, the disk was full). */
  async function reportOpen(repository: Repository): Promise<void> {
    const open = (await tools.store.openDeliveries()).filter(({ change }) => change.repository === repository.name);
    await Promise.all(open.map(({ change, receivedAt }) => report(repository, change, receivedAt)));
  }

  function reschedule(): void {
    if (!isPolling) return;
    const { repositories } = tools.configuration();
    for (const [name, { timer, pollMs }] of timers) {
      if (repositories.get(name)?.pollMs === pollMs) continue;
      clearInterval(timer);
      timers.delete(name);
    }
    for (const repository of repositories.values()) {
      poll(repository, 'start');
      if (timers.has(repository.name)) continue;
      const again = (): void => {
        const current = tools.configuration().repositories.get(repository.name);
        if (current !== undefined) void pollLater(current);
      };
      timers.set(repository.name, { timer: setInterval(again, repository.pollMs), pollMs: repository.pollMs });
    }
  }

  return {
    report,
    startPolling() {
      isPolling = true;
      reschedule();
    },
    reschedule,
    async stop() {
      isPolling = false;
      for (const { timer } of timers.values()) clearInterval(timer);
      timers.clear();
      await Promise.all(busy.values());
    },
  };
}
