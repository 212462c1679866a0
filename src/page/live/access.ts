// What who looks at the page may do: actions that would be refused are not offered, and why not can be read.
import type { AccessView, Deed } from '../../core/access.ts';

/** As long as it is not known: no. */
export const mayDo = (access: AccessView | null, deed: Deed): boolean => access?.deeds.find((one) => one.deed === deed)?.refusal === null;
