// What the door and the people's registry have seen, as a note of the audit.
import type { AuditAction, AuditNote } from './audit.ts';
import type { Witnessed } from './people.ts';

const ACTIONS: Readonly<Record<Witnessed['what'], AuditAction>> = {
  refused: 'refuse',
  'hook-refused': 'refuse',
  'signed-in': 'sign-in',
  'sign-in-refused': 'sign-in-refused',
  'signed-out': 'sign-out',
  'token-created': 'token',
  'token-revoked': 'token',
  'user-added': 'user',
  'user-changed': 'user',
  'user-removed': 'user',
  'password-changed': 'user',
};

/** The name stands as it was given: of a sign-in that was refused nobody knows whose it was. */
export function noteOf({ what, who, address, detail }: Witnessed): AuditNote {
  const text = detail === '' ? what : `${what}: ${detail}`;
  return {
    actor: who,
    kind: what === 'signed-in' ? 'user' : 'unknown',
    address,
    action: ACTIONS[what],
    cluster: null,
    deployment: null,
    text,
  };
}
