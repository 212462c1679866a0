// Types of hostile-names.js, which runs without the compiler, under strace.
export const CANARY: string;
export const OPTIONS: readonly string[];
export function random(seed: number): (limit: number) => number;
export function hostileNames(count: number, seed: number): string[];
export function hostileUrls(count: number, seed: number): string[];
