// The outbox: notices that are to be sent, kept in the store until they are, and those that nobody could deliver.
import type { Notice } from './notice.ts';

export type NewParcel = {
  /** Name of a target, or `report:REPOSITORY`. */
  readonly target: string;
  /** Parcels of one group and target are sent in order. `null`: their order does not matter. */
  readonly group: string | null;
  readonly notice: Notice;
};

export type Parcel = NewParcel & {
  readonly id: number;
  /** Milliseconds since 1970, as all times here. */
  readonly createdAt: number;
  /** How often it was tried. */
  readonly attempts: number;
  readonly nextAt: number;
  /** Why the last attempt failed; without any secret. */
  readonly error: string | null;
  /** Given up: it is sent only if somebody asks for it. */
  readonly isDead: boolean;
};

/** Everything rejects with DeployError `store` when the store cannot be written. */
export type Outbox = {
  /**
   * Keeps parcels (a notice that its target has already is left out), and that everything up to journal entry `upTo` has been looked at: both or nothing.
   * The newest 1,000 of a target wait, older ones become dead.
   */
  post(parcels: readonly NewParcel[], upTo: number, at: number): Promise<void>;
  /** `null`: nothing was ever posted. */
  postedUpTo(): Promise<number | null>;
  /** Waiting parcels of a target, oldest first. */
  waitingFor(target: string, limit: number): Promise<readonly Parcel[]>;
  /** Targets that something waits for. */
  addressees(): Promise<readonly string[]>;
  /** Forgets parcels that arrived. */
  delivered(ids: readonly number[]): Promise<void>;
  /** Another attempt failed. The newest 1,000 dead parcels are kept. */
  returned(ids: readonly number[], outcome: { readonly error: string; readonly nextAt: number; readonly isDead: boolean }): Promise<void>;
  /** A dead or waiting parcel is to be sent now, as if it were new. Returns its target; `null`: there is none of this id. */
  revive(id: number, at: number): Promise<string | null>;
  /** Parcels that were not delivered, newest first. */
  undelivered(limit: number): Promise<readonly Parcel[]>;
  /** What a forge calls the deployment that we reported; `null`: it was not. */
  reported(target: string, deployment: number): Promise<string | null>;
  rememberReported(target: string, deployment: number, remote: string): Promise<void>;
};
