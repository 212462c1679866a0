// Types of places.js, for its test: the benchmark runs without the compiler.
export function ticksAround(least: number, most: number): number[];
export function spread(wanted: readonly number[], gap: number, low: number, high: number): number[];
