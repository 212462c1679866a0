// Where and how the daemon may listen: what goes over a network is encrypted, by us or by a proxy in front of us.
import { isIP } from 'node:net';
import { DeployError } from '../core/errors.ts';
import { isLoopback } from './guard.ts';

/** `tls`: files in PEM. `behindProxy`: addresses and networks of proxies that speak TLS for us; nobody else is answered then. */
export type Listening = {
  readonly tls: { readonly certificate: string; readonly key: string } | null;
  readonly behindProxy: readonly string[];
};

export const IN_PLAIN: Listening = { tls: null, behindProxy: [] };

/** Throws DeployError `configuration`. */
export function checkListening(address: string, { tls, behindProxy }: Listening): void {
  const odd = behindProxy.find((network) => !isNetwork(network));
  if (odd !== undefined) {
    throw refusal(`--behind-proxy: ${JSON.stringify(odd)} is not an address or a network such as 10.0.0.5 or 10.0.0.0/24.`);
  }
  if (isLoopback(address) || tls !== null || behindProxy.length > 0) return;
  throw refusal(
    `Listening on ${address} without TLS would show tokens and passwords to the network. ` +
      'Give --tls-cert and --tls-key; or --behind-proxy with the address of a proxy that speaks TLS in front; or listen on 127.0.0.1.',
  );
}

function isNetwork(text: string): boolean {
  const [, address = '', bits] = /^([0-9A-Fa-f:.]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const family = isIP(address);
  return family !== 0 && (bits === undefined || Number(bits) <= (family === 4 ? 32 : 128));
}

const refusal = (message: string): DeployError => new DeployError('configuration', message);
