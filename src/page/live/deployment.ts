// One deployment as it is now: its view, asked for at every turn; its servers, moved on by each thing they do in between.
import { batch, signal } from '@preact/signals';
import type { Signal } from '@preact/signals';
import type { TimesView } from '../../core/insight.ts';
import type { DeploymentView } from '../../core/views.ts';
import { ApiFailure, get, messageOf } from './api.ts';
import { openCells } from './cell-stream.ts';
import { createServers } from './live-servers.ts';
import type { LiveServers } from './live-servers.ts';
import { isResting } from './one-stream.ts';
import { createThrottle } from './throttle.ts';

export type LiveDeployment = {
  /** Of the servers only those that are not well, and the one that is looked at. Set together with `servers`. */
  readonly view: Signal<DeploymentView | null>;
  readonly servers: Signal<LiveServers | null>;
  readonly problem: Signal<string | null>;
  /** Looks closer at a server; `null`: at none. */
  lookAt(server: string | null): void;
  close(): void;
};

/** While it runs the view is asked for so often, even if nothing but servers moves. */
const TRUTH_MS = 5_000;
const RETRY_MS = 2_000;
/** From so many servers on the view costs the daemon something: it is asked for less often. */
const MANY = 500;

export function openDeployment(number: number): LiveDeployment {
  const view = signal<DeploymentView | null>(null);
  const servers = signal<LiveServers | null>(null);
  const problem = signal<string | null>(null);
  const controller = new AbortController();
  let looksAt: string | null = null;
  let retry: ReturnType<typeof setTimeout> | undefined;

  const ask = (all: boolean): Promise<DeploymentView> => {
    const one = looksAt === null ? '' : `&server=${encodeURIComponent(looksAt)}`;
    return get<DeploymentView>(`deployments/${number}${all ? '' : `?servers=odd${one}`}`, controller.signal);
  };

  async function refresh(): Promise<void> {
    try {
      const known = view.peek();
      const fresh = await ask(false);
      // What every server serves in the end is nothing that it has done.
      const final = fresh.state === 'ended' && known?.state !== 'ended' ? await ask(true) : null;
      batch(() => {
        servers.peek()?.correct((final ?? fresh).servers);
        view.value = fresh;
        problem.value = null;
      });
    } catch (error) {
      if (!controller.signal.aborted) problem.value = messageOf(error);
    }
  }

  const small = createThrottle(refresh, 150);
  const large = createThrottle(refresh, 1_000);
  const isLarge = (): boolean => (servers.peek()?.names.length ?? 0) > MANY;
  const refreshSoon = (): void => (isLarge() ? large() : small());

  const cells = openCells(number, {
    onCourse: (course) => {
      if (servers.peek()?.setCourse(course) === true || !isLarge()) refreshSoon();
    },
    onCells: (moved) => {
      if (servers.peek()?.take(moved) === true) refreshSoon();
    },
    onChange: refreshSoon,
    onEnd: refreshSoon,
  });

  async function begin(): Promise<void> {
    try {
      const [first, times] = await Promise.all([ask(false), get<TimesView>(`deployments/${number}/times`, controller.signal)]);
      const hasEnded = first.state === 'ended';
      const final = hasEnded ? await ask(true) : first;
      if (controller.signal.aborted) return;
      batch(() => {
        servers.value = createServers(times, final);
        view.value = first;
        problem.value = null;
      });
      if (hasEnded) cells.leave();
      else cells.begin(times.event);
    } catch (error) {
      if (controller.signal.aborted) return;
      problem.value = messageOf(error);
      if (error instanceof ApiFailure && error.status >= 400 && error.status < 500) cells.leave();
      else retry = setTimeout(() => void begin(), RETRY_MS);
    }
  }

  const truth = setInterval(() => {
    const state = view.peek()?.state;
    if (state !== undefined && state !== 'ended' && !isResting.peek()) refreshSoon();
  }, TRUTH_MS);
  void begin();

  return {
    view,
    servers,
    problem,
    lookAt(server) {
      if (server === looksAt) return;
      looksAt = server;
      if (servers.peek() !== null && server !== null) refreshSoon();
    },
    close() {
      clearInterval(truth);
      clearTimeout(retry);
      controller.abort();
      cells.leave();
    },
  };
}
