// The witness of a delivery: reads along while the body comes, and says at its end whether the sender knows a secret.
import { createHmac, randomBytes } from 'node:crypto';
import type { HookHeaders, Witness } from '../core/hook.ts';
import { isEqual } from './constant-time.ts';
import { isForm, payloadText } from './payload.ts';
import type { BodyProof, Proof } from './proof.ts';

const LEAST_SECRET_BYTES = 24;
/** A form has to be kept to be understood; a larger one is not believed. */
const LARGEST_FORM = 1024 * 1024;
/** Stands in when there is no secret or no proof, so that a closed door takes as long to say no as a locked one. */
const NOBODY_KNOWS = randomBytes(32);

/** `proof` null: there is nothing that could be right; the work is done all the same. Secrets of fewer than 24 bytes are none. */
export function createWitness(proof: Proof | null, headers: HookHeaders, secrets: readonly string[], now: number): Witness {
  const usable = secrets.filter((secret) => Buffer.byteLength(secret) >= LEAST_SECRET_BYTES);
  const isFresh = proof !== null && (proof.signedAt === null || Math.abs(now - proof.signedAt) <= proof.windowMs);
  const { update, isRight } = proof?.kind === 'body' ? bodyWitness(proof, headers, usable) : headerWitness(proof, usable);
  return { update, isAuthentic: () => isRight() && isFresh };
}

type Half = { readonly update: (chunk: Uint8Array) => void; readonly isRight: () => boolean };

function bodyWitness({ given, keysOf, prefix, isOverPayload }: BodyProof, headers: HookHeaders, secrets: readonly string[]): Half {
  const keys = secrets.flatMap(keysOf);
  const macs = (keys.length === 0 ? [NOBODY_KNOWS] : keys).map((key) => createHmac('sha256', key).update(prefix));
  const form: Uint8Array[] = [];
  let size = 0;
  const isInForm = isOverPayload && isForm(headers);
  return {
    update(chunk) {
      size += chunk.length;
      if (!isInForm) for (const mac of macs) mac.update(chunk);
      else if (size <= LARGEST_FORM) form.push(chunk);
    },
    isRight() {
      const text = isInForm ? payloadText(headers, Buffer.concat(form)) : '';
      let matches = 0;
      for (const mac of macs) {
        const expected = mac.update(text ?? '').digest();
        for (const one of given) if (isEqual(expected, one)) matches += 1;
      }
      return matches > 0 && keys.length > 0 && text !== null && (!isInForm || size <= LARGEST_FORM);
    },
  };
}

function headerWitness(proof: Proof | null, secrets: readonly string[]): Half {
  // Its result is worth nothing: it takes the time that a signature over the body takes.
  const mac = createHmac('sha256', NOBODY_KNOWS);
  return {
    update: (chunk) => void mac.update(chunk),
    isRight() {
      mac.digest();
      let matches = 0;
      for (const secret of secrets.length === 0 ? [NOBODY_KNOWS.toString('hex')] : secrets) {
        if (proof?.kind === 'header' && proof.isRight(secret)) matches += 1;
      }
      return matches > 0 && secrets.length > 0;
    },
  };
}
