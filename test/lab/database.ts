// A database of its own for a test, on a server that the test has started.

export type Lab = {
  /** A new, empty database; its URL, and a way to look into it that the product does not use. */
  create(): Promise<LabDatabase>;
  stop(): Promise<void>;
};

export type LabDatabase = {
  readonly url: string;
  /** Runs one statement; returns the rows as arrays of text. */
  sql(statement: string): Promise<string[][]>;
  /** Ends every connection but its own, in the middle of whatever they do; returns when the server is rid of them. */
  endConnections(): Promise<void>;
};
