// The part of node-svn-ultimate 1.2.1 that we use: it has no types of its own.
declare module 'node-svn-ultimate' {
  export type SvnOptions = {
    /** Beginning of the shell line; `svn` if left out. */
    svn?: string;
    cwd?: string;
    quiet?: boolean;
    revision?: string;
    limit?: number;
    depth?: string;
    maxBuffer?: number;
    /** End of the shell line. */
    params?: string[];
  };
  type Answer = (error: Error | null, data: unknown) => void;
  type Read = (target: string, options: SvnOptions, callback: Answer) => void;
  const svnUltimate: { commands: { info: Read; list: Read; log: Read } };
  export default svnUltimate;
}
