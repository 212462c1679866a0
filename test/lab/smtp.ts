// A mail server, as small as RFC 5321 lets one be: takes messages, and remembers what was said.
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';

export type Letter = { from: string; to: string[]; data: string };

/** `refuse`: the answer to the recipient, such as `550 no such user`. */
export async function startSmtp(refuse: () => string | null = () => null) {
  const letters: Letter[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
    let letter: Letter = { from: '', to: [], data: '' };
    let isData = false;
    let rest = '';
    const say = (line: string): void => void socket.write(`${line}\r\n`);
    say('220 mail.test ESMTP');
    const hear = (line: string): void => {
      if (isData) {
        if (line !== '.') letter.data += `${line.replace(/^\.\./, '.')}\n`;
        else {
          isData = false;
          letters.push(letter);
          letter = { from: '', to: [], data: '' };
          say('250 taken');
        }
      } else if (/^(EHLO|HELO)/i.test(line)) say('250 mail.test');
      else if (/^MAIL FROM:/i.test(line)) {
        letter.from = line.slice(10);
        say('250 ok');
      } else if (/^RCPT TO:/i.test(line)) {
        const answer = refuse();
        if (answer === null) letter.to.push(line.slice(8));
        say(answer ?? '250 ok');
      } else if (/^DATA/i.test(line)) {
        isData = true;
        say('354 go on');
      } else if (/^QUIT/i.test(line)) {
        say('221 bye');
        socket.end();
      } else say('250 ok');
    };
    socket.setEncoding('utf8');
    socket.on('data', (piece: string) => {
      rest += piece;
      for (let end = rest.indexOf('\r\n'); end !== -1; end = rest.indexOf('\r\n')) {
        const line = rest.slice(0, end);
        rest = rest.slice(end + 2);
        hear(line);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    letters,
    async stop(): Promise<void> {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
