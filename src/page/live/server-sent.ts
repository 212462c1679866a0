// Reads a stream of server-sent events (WHATWG HTML, 9.2.6) into messages, as its pieces come.

export type ServerSent = { readonly event: string; readonly id: string | null; readonly data: string };

/** Feed it pieces of text; it returns the messages that are whole by then. */
export function createReader(): (piece: string) => ServerSent[] {
  let rest = '';
  let event = 'message';
  let id: string | null = null;
  let data: string[] = [];
  return (piece) => {
    const messages: ServerSent[] = [];
    const lines = (rest + piece).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line === '') {
        if (data.length > 0) messages.push({ event, id, data: data.join('\n') });
        event = 'message';
        id = null;
        data = [];
        continue;
      }
      const colon = line.indexOf(':');
      if (colon <= 0) continue;
      const value = line.slice(colon + 1).replace(/^ /, '');
      const field = line.slice(0, colon);
      if (field === 'event') event = value;
      else if (field === 'data') data.push(value);
      else if (field === 'id') id = value;
    }
    return messages;
  };
}
