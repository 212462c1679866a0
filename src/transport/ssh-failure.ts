// What the end of an ssh connection means: which failures pass by themselves, and what an operator can do about the others.
import { lastLine } from './child.ts';
import type { Ended } from './child.ts';
import { ConnectionLost } from './link.ts';

/** `agent exited 1: last words`. */
export function endedBy(who: string, { exit, signal, stderr }: Ended): string {
  const how = exit !== null ? `exited ${exit}` : signal !== null ? `was ended by ${signal}` : 'could not be started';
  const words = lastLine(stderr);
  return `${who} ${how}${words === '' ? '' : `: ${words}`}`;
}

/** `wasReady`: the agent had answered before. `cluster`: for the advice. `publicKey`: the file to be installed on the server. */
export function explainSsh(ended: Ended, wasReady: boolean, cluster: string, publicKey: string): ConnectionLost {
  const words = endedBy('ssh', ended);
  if (wasReady) return new ConnectionLost('unreachable', 'again', words);
  if (/Host key verification failed|HOST IDENTIFICATION HAS CHANGED/.test(ended.stderr)) {
    const what = /HAS CHANGED/.test(ended.stderr) ? 'its host key has changed' : 'its host key is not known';
    return new ConnectionLost('untrusted', 'final', `${what} (${words}). Trust it: lockstep servers trust ${cluster}`);
  }
  // sshd_config(5), PerSourcePenalties: to go on after a refused key makes it worse.
  if (/Permission denied \(|Too many authentication failures/.test(ended.stderr)) {
    return new ConnectionLost('unreachable', 'final', `${words}. Add ${publicKey} to ~/.ssh/authorized_keys of that account`);
  }
  // sshd_config(5), MaxStartups: a busy sshd drops connections at random before it says who it is.
  const isDropped = /kex_exchange_identification|Connection (closed|reset) by|banner exchange/.test(ended.stderr);
  return new ConnectionLost('unreachable', isDropped ? 'dropped' : 'again', words);
}
