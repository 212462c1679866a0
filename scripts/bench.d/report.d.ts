// Types of report.js, for its test: the benchmark runs without the compiler.
export type Row = { readonly name: string; readonly isOurs: boolean; readonly wall: number };
export function openReport(show: (line: string) => void): {
  print(text?: string): void;
  table(columns: readonly (readonly [string, (row: Row) => string])[], rows: readonly Row[]): void;
  placeOfChart(name: string): (title: string, svg: string) => void;
  write(file: string): void;
};
export function chartOf(title: string, note: string, measured: readonly { count: number; rows: readonly Row[] }[]): string;
