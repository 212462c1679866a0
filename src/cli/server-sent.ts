// Reads a stream of server-sent events (WHATWG HTML, 9.2.6) into messages.

export type ServerSent =
  | { readonly kind: 'message'; readonly event: string; readonly id: string | null; readonly data: string }
  /** A comment line: the server says that it is still there. */
  | { readonly kind: 'comment' };

/** One message of more than this is not ours. */
const MOST_CHARACTERS = 16 * 1024 * 1024;

/** Ends when the body ends; a message without its empty line at the end is dropped, as the standard says. Rejects when the body breaks. */
export async function* serverSent(body: AsyncIterable<Uint8Array>): AsyncGenerator<ServerSent> {
  const message = { event: '', id: null as string | null, data: [] as string[] };
  for await (const line of lines(body)) {
    if (line === '') {
      if (message.data.length > 0) {
        yield { kind: 'message', event: message.event === '' ? 'message' : message.event, id: message.id, data: message.data.join('\n') };
      } else if (message.event !== '') {
        yield { kind: 'message', event: message.event, id: message.id, data: '' };
      }
      message.event = '';
      message.data = [];
      continue;
    }
    const colon = line.indexOf(':');
    if (colon === 0) {
      yield { kind: 'comment' };
      continue;
    }
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'event') message.event = value;
    else if (field === 'data') message.data.push(value);
    else if (field === 'id' && !value.includes('\0')) message.id = value;
  }
}

async function* lines(body: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of body) {
    rest += decoder.decode(chunk, { stream: true });
    // A carriage return at the very end may be half of a line end: it waits for the next chunk.
    const parts = rest.split(/\r\n|\n|\r(?!$)/);
    rest = parts.pop() ?? '';
    if (rest.length > MOST_CHARACTERS) throw new Error('a line of the event stream is too long');
    yield* parts;
  }
}
