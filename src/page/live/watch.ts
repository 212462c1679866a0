// What is drawn with bytes instead of signals says by hand what it depends on.
import type { Signal } from '@preact/signals';

/** Whoever calls this while drawing is drawn again when the signal changes. */
export const watch = (version: Signal<number>): number => version.value;
