// What a forge is told, and what it takes to tell it. One file per forge says how.
import type { Notice, NoticeState } from '../../core/notice.ts';
import type { Outgoing } from '../outgoing.ts';

export type Report = {
  readonly notice: Notice;
  /** `owner/name`. */
  readonly project: string;
  readonly cluster: string;
  readonly revision: string;
  readonly deployment: number;
  /** One line. */
  readonly description: string;
  /** The page of the deployment; `null`: nobody told where it is. */
  readonly link: string | null;
};

export type Reply = { readonly status: number; readonly json: unknown };

export type ForgeTools = {
  /** Asks the forge's API; `path` begins with a slash. `mayBe`: a refusal of this status is an answer. Rejects with Undelivered. */
  call(method: NonNullable<Outgoing['method']>, path: string, body?: unknown, mayBe?: number): Promise<Reply>;
  /** What the forge calls this deployment, remembered over restarts. */
  remembered(): Promise<string | null>;
  remember(id: string): Promise<void>;
};

export type ReportTo = {
  readonly headers: (token: string) => Readonly<Record<string, string>>;
  /** Tells it. Idempotent: the same again changes nothing that people would see. */
  report(report: Report, tools: ForgeTools): Promise<void>;
};

/** What a forge may be told of: how a deployment goes, in the words that all forges have in common. */
export type Course = 'waiting' | 'running' | 'success' | 'failure' | 'cancelled';

const COURSES: Readonly<Partial<Record<NoticeState, Course>>> = {
  asked: 'waiting',
  began: 'running',
  'needs-operator': 'running',
  succeeded: 'success',
  failed: 'failure',
  'rolled-back': 'failure',
  aborted: 'cancelled',
  superseded: 'cancelled',
};

/** `null`: it is nothing that forges know. */
export const courseOf = ({ state }: Pick<Notice, 'state'>): Course | null => COURSES[state] ?? null;

/** The name of the status among others of a commit: one for each cluster. */
export const contextOf = ({ cluster }: Report): string => `lockstep/${cluster}`;

export const encodedPath = (project: string): string => project.split('/').map(encodeURIComponent).join('/');

export const cut = (text: string, most: number): string => (text.length <= most ? text : `${text.slice(0, most - 1)}…`);

/** A field of an answer that is a number or text, as text. */
export function idIn(value: unknown, name: string): string | null {
  const found = typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
  return typeof found === 'number' || typeof found === 'string' ? String(found) : null;
}
