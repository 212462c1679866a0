// What servers said when their channels opened: the upload comes soon after, and need not ask again.
import type { Channel, Greeting } from '../core/channel.ts';

/** What was heard ahead is believed for so long: the server is to be there, and to have room, now. */
const FRESH_MS = 10_000;

type Ahead = { readonly answer: Promise<Greeting>; settledAt: number | null };

const greetings = new WeakMap<Channel, Greeting>();
const askedAhead = new WeakMap<Channel, Ahead>();

/** Connects and asks ahead of `greet`, which tells how it went. `now`: milliseconds. */
export function greetAhead(channel: Channel, now: () => number, signal: AbortSignal): void {
  const ahead: Ahead = { answer: channel.hello(signal, 'clone'), settledAt: null };
  const settle = (): void => void (ahead.settledAt = now());
  ahead.answer.then(settle, settle);
  askedAhead.set(channel, ahead);
}

/** Asks the server, unless that was just done, and remembers the answer as long as the channel lives. */
export async function greet(channel: Channel, now: () => number, signal: AbortSignal, look?: 'tree'): Promise<Greeting> {
  const ahead = look === undefined ? askedAhead.get(channel) : undefined;
  askedAhead.delete(channel);
  const greeting = await (ahead === undefined ? channel.hello(signal, look) : freshOf(ahead, channel, now, signal));
  greetings.set(channel, greeting);
  return greeting;
}

function freshOf({ answer, settledAt }: Ahead, channel: Channel, now: () => number, signal: AbortSignal): Promise<Greeting> {
  if (settledAt !== null && now() - settledAt > FRESH_MS) return channel.hello(signal);
  // Things may have come right since.
  return answer.catch(() => channel.hello(signal));
}

/**
 * The greeting of this channel; asked for now if there was none (the daemon was started anew since). It may be some minutes old: nothing
 * may rely on it that the server does not check itself.
 */
export async function greetingOf(channel: Channel, now: () => number, signal: AbortSignal): Promise<Greeting> {
  return greetings.get(channel) ?? greet(channel, now, signal);
}
