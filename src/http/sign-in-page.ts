// The page to sign in with, in plain HTML: it needs no script.
import { createHash } from 'node:crypto';
import type { Response } from 'express';
import type { SignInWays } from '../core/people.ts';
import { escaped } from './markup.ts';

const STYLE = `
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 15vh auto 2rem; max-width: 22rem; padding: 0 1rem; }
label { display: block; margin-top: 1rem; }
input { box-sizing: border-box; font: inherit; padding: .4rem; width: 100%; }
button, .button { display: inline-block; font: inherit; margin-top: 1.5rem; padding: .4rem 1rem; }
.problem { border-left: .3rem solid #c33; padding-left: .6rem; }
`;

/** Forms may be sent to us, which the policy of all other answers forbids. */
const POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`,
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** `next`: where to go afterwards. `problem`: why they are not in yet. */
export type SignInView = { readonly ways: SignInWays; readonly next: string; readonly problem: string | null };

export function sendSignInPage(response: Response, status: number, view: SignInView): void {
  sendPage(response, status, 'Sign in to Lockstep', form(view));
}

/** Goes on to a path of ours, as a request of ours. */
export function askAgain(response: Response, path: string): void {
  const refresh = `<meta http-equiv="refresh" content="0; url=${escaped(path)}">`;
  sendPage(response, 200, 'Lockstep', `<p><a href="${escaped(path)}">Go on</a></p>`, refresh);
}

export const signInAddress = (next: string): string => (next === '/' ? '/login' : `/login?next=${encodeURIComponent(next)}`);

/** Only a path of this address: nobody is sent elsewhere from here. Browsers take `//` and `/\` for the beginning of a host's name. */
export const nextIn = (text: string | null): string => (text !== null && /^\/(?![/\\])[\x21-\x7e]{0,1000}$/.test(text) ? text : '/');

function sendPage(response: Response, status: number, title: string, body: string, head = ''): void {
  response.status(status).set({ 'Cache-Control': 'no-store', 'Content-Security-Policy': POLICY });
  response.type('text/html; charset=utf-8').send(`<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${title}</title>${head}<style>${STYLE}</style></head>
<body>
<h1>${title}</h1>
${body}
</body>
</html>
`);
}

const form = ({
  ways,
  next,
  problem,
}: SignInView): string => `${problem === null ? '' : `<p class="problem" role="alert">${escaped(problem)}</p>`}
<form method="post" action="/login">
<input type="hidden" name="next" value="${escaped(next)}">
<label>Name <input name="name" autocomplete="username" autocapitalize="none" spellcheck="false" autofocus></label>
<label>Password <input name="password" type="password" autocomplete="current-password" required></label>
<button>Sign in</button>
</form>
${ways.oidc ? '<p><a href="/login/oidc">Sign in with your identity provider</a></p>' : ''}
<p><small>${ways.password ? 'As the owner: no name, and as the password' : 'There are no users yet. As the owner, leave the name empty, and enter as the password'} what is in the file <code>token</code> of the daemon’s data directory.</small></p>`;
