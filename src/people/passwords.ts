// Passwords, kept as scrypt hashes (RFC 7914) that say how they were made, so that the parameters can change without anybody noticing.
import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';

/** 32 MiB and about a quarter of a second: what OWASP's Password Storage Cheat Sheet holds for enough. `log2` of N. */
const USUAL = { log2: 15, r: 8, p: 3 };
const SALT_BYTES = 16;
const HASH_BYTES = 32;

type Parameters = typeof USUAL;

/** `scrypt$15$8$3$salt$hash`, the last two in base64url. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(SALT_BYTES);
  const hash = await derive(password, salt, USUAL);
  return ['scrypt', USUAL.log2, USUAL.r, USUAL.p, salt.toString('base64url'), hash.toString('base64url')].join('$');
}

/** `record` null: of somebody who does not exist; it takes as long as for somebody who does, and is false. */
export async function isPassword(password: string, record: string | null): Promise<boolean> {
  const [, log2, r, p, salt = '', hash = ''] = (record ?? NOBODY).split('$');
  const expected = Buffer.from(hash, 'base64url');
  const found = await derive(password, Buffer.from(salt, 'base64url'), { log2: Number(log2), r: Number(r), p: Number(p) });
  return timingSafeEqual(found, expected) && record !== null;
}

const NOBODY = `scrypt$${USUAL.log2}$${USUAL.r}$${USUAL.p}$${'A'.repeat(22)}$${'A'.repeat(43)}`;

/** The same characters typed on different machines are the same password (NFKC). */
function derive(password: string, salt: Buffer, { log2, r, p }: Parameters): Promise<Buffer> {
  const N = 2 ** log2;
  return new Promise((resolve, reject) => {
    scrypt(password.normalize('NFKC'), salt, HASH_BYTES, { N, r, p, maxmem: 256 * N * r }, (error, key) => {
      if (error === null) resolve(key);
      else reject(error);
    });
  });
}
