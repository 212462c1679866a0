// E-mail: one message for all recipients of a target, as text and as HTML, over a connection of its own.
import { createHash } from 'node:crypto';
import { createTransport } from 'nodemailer';
import { isListedAddress } from './address.ts';
import { allowedAddresses } from './resolve.ts';
import type { Resolve } from './resolve.ts';
import { escapeHtml } from './text.ts';
import { Undelivered } from './undelivered.ts';

export type Mail = {
  /** `smtp://host:port` (STARTTLS) or `smtps://host:port`. */
  readonly server: string;
  readonly user: string | null;
  readonly password: string | null;
  readonly from: string;
  readonly to: readonly string[];
  readonly subject: string;
  /** Lines; may hold addresses of pages. */
  readonly text: string;
  /** The same for the same notices: mail programs drop a message that comes twice. */
  readonly id: string;
};

const TIME_LIMIT_MS = 20_000;
const LONGEST_SUBJECT = 200;

/** Rejects with Undelivered. Without encryption it goes to allowed networks only, and a password never does. */
export async function sendMail(mail: Mail, allow: readonly string[], signal: AbortSignal, resolve?: Resolve): Promise<void> {
  const { hostname, port, protocol } = new URL(mail.server);
  const [address] = await allowedAddresses(hostname, allow, resolve);
  if (address === undefined) throw new Undelivered(`${hostname} has no address`);
  const secure = protocol === 'smtps:';
  const isNear = isListedAddress(address.address, allow);
  const transport = createTransport({
    // The address that was checked; the certificate must be the name's.
    host: address.address,
    port: Number(port || (secure ? 465 : 587)),
    secure,
    requireTLS: !secure && (!isNear || mail.password !== null),
    tls: { servername: hostname.replace(/^\[|\]$/g, '') },
    ...(mail.user === null || mail.password === null ? {} : { auth: { user: mail.user, pass: mail.password } }),
    connectionTimeout: TIME_LIMIT_MS,
    greetingTimeout: TIME_LIMIT_MS,
    socketTimeout: TIME_LIMIT_MS,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  const stop = (): void => transport.close();
  signal.addEventListener('abort', stop, { once: true });
  try {
    await transport.sendMail({
      from: mail.from,
      to: [...mail.to],
      subject: mail.subject.slice(0, LONGEST_SUBJECT),
      text: mail.text,
      html: htmlOf(mail.text),
      messageId: `<${createHash('sha256').update(mail.id).digest('hex').slice(0, 40)}@lockstep.invalid>`,
      headers: { 'Auto-Submitted': 'auto-generated' },
    });
  } catch (error) {
    const { responseCode, code } = error as { responseCode?: number; code?: string };
    // RFC 5321, 4.2.1: 5yz will be the same again, 4yz may not. The text of the answer may repeat what we sent.
    const said = responseCode === undefined ? (code ?? 'failed') : `answered ${responseCode}`;
    throw new Undelivered(`mail server ${hostname}: ${said}`, { isFinal: responseCode !== undefined && responseCode >= 500 });
  } finally {
    signal.removeEventListener('abort', stop);
    transport.close();
  }
}

function htmlOf(text: string): string {
  const lines = text.split('\n').map((line) => {
    const safe = escapeHtml(line);
    return /^https?:\/\/\S+$/.test(line) ? `<a href="${safe}">${safe}</a>` : safe;
  });
  return `<p style="font:15px/1.5 system-ui,sans-serif">${lines.join('<br>\n')}</p>`;
}
