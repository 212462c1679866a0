// Which addresses the daemon may connect to when it tells somebody something: public ones, and networks that the configuration allows.
// Registries: https://www.iana.org/assignments/iana-ipv4-special-registry, https://www.iana.org/assignments/iana-ipv6-special-registry
import { BlockList, isIP } from 'node:net';

/** Everything that is not a host on the Internet: private, loopback, link-local (metadata of clouds), shared, documentation, multicast, reserved. */
const NOT_PUBLIC = listOf([
  ...['0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12', '192.0.0.0/24', '192.0.2.0/24'],
  ...['192.88.99.0/24', '192.168.0.0/16', '198.18.0.0/15', '198.51.100.0/24', '203.0.113.0/24', '224.0.0.0/4', '240.0.0.0/4'],
  // Of 2000::/3; everything outside of that is not public either.
  ...['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20'],
]);
const GLOBAL_UNICAST = listOf(['2000::/3']);
/** Metadata servers of clouds that live at public addresses (Alibaba's is in 100.64/10, Azure's wire server is not). */
const METADATA = listOf(['168.63.129.16']);

/** May we connect to `address` (as a resolver gives it)? `allow`: networks and addresses, checked by the configuration. */
export function isAllowedAddress(address: string, allow: readonly string[]): boolean {
  const plain = embedded(address) ?? address;
  const family = isIP(plain);
  if (family === 0 || plain.includes('%')) return false;
  if (listOf(allow).check(plain, family === 4 ? 'ipv4' : 'ipv6')) return true;
  if (family === 4) return !NOT_PUBLIC.check(plain, 'ipv4') && !METADATA.check(plain, 'ipv4');
  return GLOBAL_UNICAST.check(plain, 'ipv6') && !NOT_PUBLIC.check(plain, 'ipv6');
}

/** Is it allowed by name? Only there may anything be sent without encryption. */
export function isListedAddress(address: string, allow: readonly string[]): boolean {
  const plain = embedded(address) ?? address;
  const family = isIP(plain);
  return family !== 0 && listOf(allow).check(plain, family === 4 ? 'ipv4' : 'ipv6');
}

/** The IPv4 address in an IPv6 one that leads to it: mapped (::ffff:a.b.c.d) or behind NAT64 (64:ff9b::a.b.c.d, RFC 6052). */
function embedded(address: string): string | null {
  if (isIP(address) !== 6 || address.includes('%')) return null;
  // The URL parser writes every spelling of an IPv6 address in one way, the last four bytes as two groups.
  const { hostname } = new URL(`http://[${address}]/`);
  const groups = /^\[(?:::ffff:|64:ff9b::)(?:([0-9a-f]{1,4}):)?([0-9a-f]{1,4})\]$/.exec(hostname);
  if (groups === null) return null;
  const [high, low] = [Number.parseInt(groups[1] ?? '0', 16), Number.parseInt(groups[2] ?? '0', 16)];
  return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
}

function listOf(networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [address = '', bits] = network.split('/');
    const family = isIP(address) === 4 ? 'ipv4' : 'ipv6';
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(bits), family);
  }
  return list;
}
