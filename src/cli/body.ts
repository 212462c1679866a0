// Reads the body of an answer so that it always ends: with the body, with a failure, or with a signal.

/** An answer larger than this is not ours. A deployment of 10,000 servers is about 3 MB. */
const MOST_BYTES = 64 * 1024 * 1024;

/**
 * The body's chunks. Rejects with the signal's reason as soon as it aborts: in Node 20 a body whose request is aborted between two
 * reads may leave the next read pending for ever. The rest is thrown away when the caller stops early.
 */
export async function* chunks(response: Response, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  if (response.body === null) return;
  const reader = response.body.getReader() as ReadableStreamDefaultReader<Uint8Array>;
  let stop = (): void => undefined;
  const aborted = new Promise<'aborted'>((resolve) => {
    stop = () => resolve('aborted');
    signal.addEventListener('abort', stop, { once: true });
  });
  try {
    for (;;) {
      signal.throwIfAborted();
      const read = await Promise.race([reader.read(), aborted]);
      if (read === 'aborted') throw signal.reason;
      if (read.done) return;
      yield read.value;
    }
  } finally {
    signal.removeEventListener('abort', stop);
    reader.cancel().catch(() => undefined);
  }
}

/** The whole body as text. Rejects with SyntaxError when it is too large to be ours. */
export async function wholeText(response: Response, signal: AbortSignal): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  let bytes = 0;
  for await (const chunk of chunks(response, signal)) {
    bytes += chunk.byteLength;
    if (bytes > MOST_BYTES) throw new SyntaxError('the answer is too large');
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}
