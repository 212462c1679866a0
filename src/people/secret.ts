// Secrets that are made here: so long and random that a plain hash of one is as good as the best hash of a password.
import { createHash, randomBytes } from 'node:crypto';

/** 256 random bits in 43 characters. */
export const newSecret = (): string => randomBytes(32).toString('base64url');

/** In hexadecimal. Nobody can find out what it is the hash of, so it may be kept and looked up. */
export const hashOf = (secret: string): string => createHash('sha256').update(secret).digest('hex');
