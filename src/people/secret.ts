// Secrets that are made here: so long and random that a plain hash of one is as good as the best hash of a password.
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

/** 256 random bits in 43 characters. */
export const newSecret = (): string => randomBytes(32).toString('base64url');

/** In hexadecimal. Nobody can find out what it is the hash of, so it may be kept and looked up. */
export const hashOf = (secret: string): string => createHash('sha256').update(secret).digest('hex');

/** Both sides are hashed, so that the time of the comparison says nothing, not even about their lengths. */
export const isSameSecret = (given: string, expected: string): boolean => timingSafeEqual(digest(given), digest(expected));

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
