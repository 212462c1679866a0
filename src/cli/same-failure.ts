// The same failure on 900 servers is one line: failures are grouped by what they say apart from the server's own name and numbers.
import { visibleLine } from '../core/escape.ts';
import { count, someNames } from './words.ts';

export type Failure = { readonly server: string; readonly message: string };

export type FailureGroup = {
  readonly key: string;
  /** The message of the first server. */
  readonly message: string;
  readonly servers: string[];
};

/** Groups in the order in which they first occur. */
export function groupFailures(failures: Iterable<Failure>): FailureGroup[] {
  const groups = new Map<string, FailureGroup>();
  for (const failure of failures) addFailure(groups, failure);
  return [...groups.values()];
}

/** Adds one failure to groups that are collected as failures come in. */
export function addFailure(groups: Map<string, FailureGroup>, { server, message }: Failure): FailureGroup {
  const key = keyOf(server, message);
  const group = groups.get(key) ?? { key, message, servers: [] };
  group.servers.push(server);
  groups.set(key, group);
  return group;
}

/** `web3: message`, or `900 servers (web1, web2, web3, … (900 in all)): message of the first`. */
export function failureLine({ message, servers }: FailureGroup): string {
  const told = visibleLine(message.trim().replace(/\s*\n\s*/g, ' | '));
  if (servers.length === 1) return `${visibleLine(servers[0] ?? '')}: ${told}`;
  const names = someNames(servers).replace(/ \(\d+ in all\)$/, '');
  return `${count(servers.length, 'server')} (${names}): ${told}`;
}

/**
 * What differs from server to server though the failure is the same: its name, addresses, ports, times and amounts.
 * Other numbers (exit codes above all) stay: they tell failures apart.
 */
function keyOf(server: string, message: string): string {
  const named = server === '' ? message : message.split(server).join('<server>');
  return named
    .replace(/\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b/g, '<address>')
    .replace(/\bport \d+\b/g, 'port <port>')
    .replace(/\b\d+(?:[.,]\d+)?\s?(?:ms|s|min|m|h|B|kB|KB|KiB|MB|MiB|GB|GiB|bytes?|inodes?)\b/g, '<amount>');
}
