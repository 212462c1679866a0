// Types of model.js, for its test: the benchmark runs without the compiler.
export type Cpu = { readonly daemon: number; readonly children: number; readonly server: number };
export type Way = {
  readonly alone: number;
  readonly trips: number;
  readonly upload: number;
  readonly uploadTrips: number;
  readonly cpu: Cpu;
  readonly bytes: number;
};
export type Constants = { readonly connect: number; readonly connectTrips: number; readonly cold: Way; readonly warm: Way };
export type Place = {
  readonly roundTrip: number;
  readonly senderCores: number;
  readonly sharedCores: number | null;
  readonly lineBytesPerMs: number;
};
export type Settings = { readonly connections: number; readonly concurrency: number; readonly kept: number };
export function predictDeployment(
  constants: Constants,
  deployment: { count: number; isCold: boolean },
  place: Place,
  settings: Settings,
): { ms: number; bound: string };
