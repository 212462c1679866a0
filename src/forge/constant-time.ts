// Comparing secrets so that neither time nor length tells how much of a guess was right.
import { createHash, timingSafeEqual } from 'node:crypto';

/** Both sides are hashed first: equal lengths for timingSafeEqual, which throws otherwise, and nothing to be learnt from its time. */
export const isEqual = (a: Uint8Array | string, b: Uint8Array | string): boolean => timingSafeEqual(digest(a), digest(b));

const digest = (text: Uint8Array | string): Buffer => createHash('sha256').update(text).digest();
