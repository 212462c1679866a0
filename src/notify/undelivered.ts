// Why something could not be delivered, and whether it is worth another attempt. No message holds a URL's path, a token or an answer's secrets.

export class Undelivered extends Error {
  /** Another attempt will fail too, until somebody changes something. */
  readonly isFinal: boolean;
  /** The other side asks to be left alone for so long; `null`: it does not say. */
  readonly retryAfterMs: number | null;

  constructor(message: string, { isFinal = false, retryAfterMs = null }: { isFinal?: boolean; retryAfterMs?: number | null } = {}) {
    super(message);
    this.name = 'Undelivered';
    this.isFinal = isFinal;
    this.retryAfterMs = retryAfterMs;
  }
}
