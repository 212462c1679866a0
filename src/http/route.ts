// What a route is. All routes are data in one list (routes.ts): who may knock is written beside each, and the API's description is checked against it.
import type { Request, Response } from 'express';
import type { Actor } from '../core/actor.ts';
import type { Application } from '../core/application.ts';
import type { HookReader } from '../core/hook.ts';
import { DeployError } from '../core/errors.ts';
import type { People, Witness } from '../core/people.ts';
import type { Admission } from './admission.ts';
import type { Connections } from './connections.ts';
import type { Identify } from './identity.ts';
import type { Refusals } from './refusals.ts';
import type { CookiePlace } from './session-cookie.ts';

/** What the handlers work with. */
export type Context = {
  readonly application: Application;
  readonly hooks: HookReader;
  readonly people: People;
  readonly identify: Identify;
  /** Where a request came from, as far as that is known. */
  readonly addressOf: (request: Request) => string | null;
  readonly cookiePlace: (request: Request) => CookiePlace;
  /** Is told of what was refused to somebody who is known. */
  readonly witness: Witness;
  readonly refusals: Refusals;
  readonly connections: Connections;
  readonly version: string;
  readonly log: (line: string) => void;
  readonly now: () => number;
  /** Streams that are open; closing the server aborts them. */
  readonly streams: Set<AbortController>;
  /** A reader of the event stream that takes nothing for so long is told to start anew. Milliseconds. */
  readonly slowReaderMs: number;
  /** So often it is asked whether those who get an answer that goes on still may. Milliseconds. */
  readonly watchMs: number;
};

/**
 * How somebody comes in. `open`: everybody may; `signed`: the handler checks the signature itself; `token`: who is known, by a token or a
 * session; `browser`: the same, also by a token as the password of basic authentication, and people are shown where to sign in.
 */
export type Door = 'open' | 'signed' | 'token' | 'browser';

type Place = {
  readonly method: 'get' | 'post' | 'all';
  /** As Express writes it; no patterns besides `:name`. */
  readonly path: string;
};

type Answering = Promise<void> | void;

export type OpenRoute = Place & {
  readonly door: 'open' | 'signed';
  readonly handle: (context: Context, request: Request, response: Response) => Answering;
};

/** Behind it, `actor` is known and admitted: has the role that the route needs, for what the request is about. */
export type GuardedRoute = Place &
  Admission & {
    readonly door: 'token' | 'browser';
    readonly handle: (context: Context, request: Request, response: Response, actor: Actor) => Answering;
  };

export type Route = OpenRoute | GuardedRoute;

export const isGuarded = (route: Route): route is GuardedRoute => route.door === 'token' || route.door === 'browser';

/** The cluster named in the path. Throws `not-found` for what can be no name, so that nobody further in has to think of it. */
export function clusterIn(request: Request): string {
  const name = String(request.params['name']);
  if (!isPlausibleName(name)) throw notFound('There is no such cluster.');
  return name;
}

/** The number of the deployment in the path; throws `not-found`. */
export function deploymentIn(request: Request): number {
  const text = String(request.params['number']);
  if (!/^[1-9]\d{0,14}$/.test(text)) throw notFound('There is no such deployment.');
  return Number(text);
}

/** One value of the query string; `undefined`: not given. Throws `Malformed` when it was given twice. */
export function queryValue(request: Request, name: string): string | undefined {
  const value: unknown = Object.hasOwn(request.query, name) ? request.query[name] : undefined;
  if (value === undefined || typeof value === 'string') return value;
  throw new Malformed(`${name}: give it once`);
}

/** A whole number of the query string, at least `least`. */
export function queryNumber(request: Request, name: string, least: number): number | undefined {
  const text = queryValue(request, name);
  if (text === undefined) return undefined;
  if (!/^\d{1,15}$/.test(text) || Number(text) < least) throw new Malformed(`${name}: must be a whole number of at least ${least}`);
  return Number(text);
}

export const isPlausibleName = (name: string): boolean => name !== '' && name.length <= 255 && !/[\u0000-\u001f\u007f]/.test(name);

export const notFound = (message: string): DeployError => new DeployError('not-found', message);

/** The request itself is wrong (400). The message begins with the name of what is. */
export class Malformed extends Error {}
