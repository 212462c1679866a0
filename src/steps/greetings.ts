// What servers said when their channels opened: the upload comes soon after, and need not ask again.
import type { Channel, Greeting } from '../core/channel.ts';

const greetings = new WeakMap<Channel, Greeting>();

/** Asks the server, and remembers the answer as long as the channel lives. */
export async function greet(channel: Channel, signal: AbortSignal, look?: 'tree'): Promise<Greeting> {
  const greeting = await channel.hello(signal, look);
  greetings.set(channel, greeting);
  return greeting;
}

/**
 * The greeting of this channel; asked for now if there was none (the daemon was started anew since). It may be some minutes old: nothing
 * may rely on it that the server does not check itself.
 */
export async function greetingOf(channel: Channel, signal: AbortSignal): Promise<Greeting> {
  return greetings.get(channel) ?? greet(channel, signal);
}
