// Types for the part of the npm package `rsync` that is used: its fluent state. Its execute() goes through a shell and is not.
declare module 'rsync' {
  class Rsync {
    constructor();
    protected readonly _options: Record<string, string | string[] | null>;
    flags(flags: string): this;
    set(option: string, value?: string): this;
    source(source: string): this;
    source(): string[];
    destination(destination: string): this;
    destination(): string;
    executable(): string;
  }
  export default Rsync;
}
