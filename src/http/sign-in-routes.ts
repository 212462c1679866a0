// /login and /logout for browsers, and /api/v1/me: who one is, and how one can sign in.
import type { Request, Response } from 'express';
import type { Actor } from '../core/actor.ts';
import type { SignIn } from '../core/people.ts';
import { readForm } from './request-body.ts';
import { queryValue } from './route.ts';
import type { Context, Route } from './route.ts';
import { demandOwnPage } from './same-site.ts';
import { pendingIn, sessionIn, setPending, setSession } from './session-cookie.ts';
import { askAgain, nextIn, sendSignInPage } from './sign-in-page.ts';

export const signInRoutes: readonly Route[] = [
  { method: 'get', path: '/login', door: 'open', handle: showForm },
  { method: 'post', path: '/login', door: 'open', handle: signIn },
  { method: 'get', path: '/login/oidc', door: 'open', handle: goToProvider },
  { method: 'get', path: '/login/oidc/return', door: 'open', handle: comeBack },
  { method: 'post', path: '/logout', door: 'open', handle: signOut },
  { method: 'get', path: '/api/v1/me', door: 'open', handle: me },
];

async function showForm({ people }: Context, request: Request, response: Response): Promise<void> {
  const next = nextIn(queryValue(request, 'next') ?? null);
  sendSignInPage(response, 200, { ways: await people.ways(), next, problem: null });
}

/** The answer to a wrong name and to a wrong password is the same to the byte. */
async function signIn(context: Context, request: Request, response: Response): Promise<void> {
  const { people, addressOf, cookiePlace } = context;
  demandOwnPage(request);
  const form = await readForm(request);
  const place = cookiePlace(request);
  const previous = sessionIn(request, place);
  const [name, password] = [form.get('name')?.trim() ?? '', form.get('password') ?? ''];
  const result = await people.signIn({ name, password, address: addressOf(request), previous });
  const next = nextIn(form.get('next'));
  if (result.state === 'in') {
    setSession(response, place, result.session, result.lifetimeMs);
    response.set('Cache-Control', 'no-store').redirect(303, next);
    return;
  }
  const { status, problem } = told(result);
  if (result.state === 'wait') response.set('Retry-After', String(Math.ceil(result.waitMs / 1000)));
  sendSignInPage(response, status, { ways: await people.ways(), next, problem });
}

async function goToProvider({ people, cookiePlace }: Context, request: Request, response: Response): Promise<void> {
  const { address, secret } = await people.beginOidc();
  setPending(response, cookiePlace(request), secret);
  response.set('Cache-Control', 'no-store').redirect(303, address);
}

/** Another site led here, so that the page afterwards is asked for by a page of ours: only then does the browser send the new cookie. */
async function comeBack({ people, addressOf, cookiePlace }: Context, request: Request, response: Response): Promise<void> {
  const place = cookiePlace(request);
  const found = { secret: pendingIn(request, place), address: addressOf(request), previous: sessionIn(request, place) };
  const result = await people.finishOidc({ ...found, url: request.originalUrl });
  setPending(response, place, null);
  if (result.state === 'in') {
    setSession(response, place, result.session, result.lifetimeMs);
    askAgain(response, '/');
    return;
  }
  sendSignInPage(response, 401, { ways: await people.ways(), next: '/', problem: 'The identity provider could not let you in.' });
}

function told(result: Exclude<SignIn, { state: 'in' }>): { status: number; problem: string } {
  if (result.state === 'wrong') return { status: 401, problem: 'The name or the password is wrong.' };
  return { status: 429, problem: `Too many attempts. Try again in ${Math.ceil(result.waitMs / 1000)} s.` };
}

async function signOut({ people, addressOf, cookiePlace }: Context, request: Request, response: Response): Promise<void> {
  demandOwnPage(request);
  const place = cookiePlace(request);
  const session = sessionIn(request, place);
  if (session !== null) await people.signOut(session, addressOf(request));
  setSession(response, place, null, 0);
  response.set('Cache-Control', 'no-store').redirect(303, '/login');
}

/** Answers everybody: the page asks it to find out whether somebody has to sign in. */
async function me(context: Context, request: Request, response: Response): Promise<void> {
  const identity = await context.identify(request, 'token', true);
  response.set('Cache-Control', 'no-store').json(await whoAsks(context, identity === null ? null : identity.actor));
}

/** The answer to /api/v1/me. Whoever is not known is not told the version. */
export async function whoAsks({ people, version }: Context, actor: Actor | null): Promise<Record<string, unknown>> {
  const ways = await people.ways();
  if (actor === null) return { actor: null, ways };
  const { kind, name, role, clusters, teams } = actor;
  return { actor: { kind, name, role, clusters, teams }, ways, version };
}
