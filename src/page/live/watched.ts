// The end of a deployment, told by the browser to who asked for that: of those that somebody here started or watches. A hidden tab holds no
// connection, so the daemon is asked now and then.
import { signal } from '@preact/signals';
import type { DeploymentView } from '../../core/views.ts';
import { get } from './api.ts';
import { deploymentPath, go } from './location.ts';
import { deploymentStatus, firstLine, PURPOSES } from './words.ts';

const KEY = 'lockstep-notify';
const ASKED_EVERY_MS = 10_000;

/** Somebody asked for it, and the browser allows it. */
export const isTold = signal(false);
/** The browser cannot, or was told never to. */
export const canBeTold = (): boolean => 'Notification' in window && Notification.permission !== 'denied';

const watched = new Set<number>();
let timer: ReturnType<typeof setInterval> | undefined;

export function startWatched(): void {
  isTold.value = canBeTold() && Notification.permission === 'granted' && read() === 'on';
}

/** Asks the browser, which asks the person; the second time it is switched off. */
export async function switchTold(): Promise<void> {
  const isWanted = !isTold.peek();
  isTold.value = isWanted && (await Notification.requestPermission()) === 'granted';
  try {
    localStorage.setItem(KEY, isTold.value ? 'on' : 'off');
  } catch {
    // Then it holds until the page is loaded again.
  }
}

/** A deployment that was started here, or whose screen is open. */
export function watchEnd(number: number): void {
  watched.add(number);
  timer ??= setInterval(() => void look(), ASKED_EVERY_MS);
}

/** What is seen anyway needs not be asked for. */
export function noteView(view: DeploymentView): void {
  if (view.state !== 'ended' || !watched.delete(view.number)) return;
  if (watched.size === 0) {
    clearInterval(timer);
    timer = undefined;
  }
  if (isTold.peek()) tell(view);
}

async function look(): Promise<void> {
  if (!isTold.peek()) return;
  for (const number of [...watched]) {
    try {
      noteView(await get<DeploymentView>(`deployments/${number}?servers=odd`));
    } catch {
      // The next time.
    }
  }
}

function tell(view: DeploymentView): void {
  const { number, cluster, message, problem, result } = view;
  const body = result === 'done' || problem === null ? firstLine(message ?? view.revision) : problem.message;
  const shown = new Notification(`${cluster}: ${deploymentStatus(view).word}`, {
    body: `${PURPOSES[view.purpose]} ${number}: ${body}`,
    tag: `lockstep-${number}`,
  });
  shown.onclick = () => {
    window.focus();
    go(deploymentPath(number));
    shown.close();
  };
}

function read(): string | null {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}
