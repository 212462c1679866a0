// Is an address among those that may bring notices?
import { BlockList, isIP } from 'node:net';

const kept = new Map<string, BlockList>();
/** Configurations change seldom; a few lists at a time are all that is ever needed. */
const MOST_LISTS = 100;

/**
 * `sources`: addresses and networks as the configuration has checked them; empty: everybody may. `address`: the other end of the socket, and
 * never what a header says. An IPv4 address that came through an IPv6 socket (`::ffff:192.0.2.1`) counts as what it is.
 */
export function isAllowedSource(sources: readonly string[], address: string | undefined): boolean {
  if (sources.length === 0) return true;
  if (address === undefined) return false;
  const plain = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1] ?? address.replace(/%.*$/, '');
  const family = isIP(plain);
  return family !== 0 && listOf(sources).check(plain, family === 4 ? 'ipv4' : 'ipv6');
}

function listOf(sources: readonly string[]): BlockList {
  const key = sources.join();
  let list = kept.get(key);
  if (list !== undefined) return list;
  list = new BlockList();
  for (const source of sources) {
    const [address = '', bits] = source.split('/');
    const family = isIP(address) === 4 ? 'ipv4' : 'ipv6';
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(bits), family);
  }
  if (kept.size >= MOST_LISTS) kept.clear();
  kept.set(key, list);
  return list;
}
