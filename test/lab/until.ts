// Waiting for something to become true, with a deadline and a sentence about what was waited for.

/** Returns the first truthy value of `condition`; throws, naming `what`, after `timeoutMs` (default 60 s: a machine that many share is slow). */
export async function until<T>(
  condition: () => T | Promise<T>,
  { timeoutMs = 60_000, what = 'the condition', everyMs = 20 }: { timeoutMs?: number; what?: string; everyMs?: number } = {},
): Promise<NonNullable<Awaited<T>>> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > deadline) throw new Error(`${what} did not come true within ${timeoutMs} ms`);
    await new Promise((done) => setTimeout(done, everyMs));
  }
}
