// An rsync of Debian 12 as it was released, beside the one that is installed: scripts/setup unpacks it.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const BIN = fileURLToPath(new URL('../../node_modules/.cache/rsync-3.2.7/usr/bin', import.meta.url));

/** The directory in which rsync 3.2.7 lies; `null`: scripts/setup could not get it. */
export const olderRsync = (): string | null => (existsSync(`${BIN}/rsync`) ? BIN : null);
