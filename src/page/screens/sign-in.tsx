// Nobody is signed in: the API's token is asked for once, and kept for this tab.
import { signal } from '@preact/signals';
import { ApiFailure } from '../live/api.ts';
import { setToken, signInAddress } from '../live/session.ts';
import { showInTab } from '../parts/favicon.ts';

const problem = signal<string | null>(null);

export function SignIn() {
  showInTab('warn', 'Signed out');
  const address = signInAddress();
  if (address !== null) {
    return (
      <div class="sign-in card">
        <h1>Signed out</h1>
        <p class="muted">Nothing is asked of the daemon until somebody signs in.</p>
        <a class="button button-primary" href={address}>
          Sign in
        </a>
      </div>
    );
  }
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const token = new FormData(event.currentTarget as HTMLFormElement).get('token');
    try {
      await tryToken(typeof token === 'string' ? token.trim() : '');
      problem.value = null;
    } catch (error) {
      problem.value = error instanceof Error ? error.message : String(error);
    }
  };
  return (
    <form class="sign-in card" onSubmit={(event) => void submit(event)}>
      <h1>Sign in</h1>
      <p class="muted">
        With the token of the API. It is in the file <code>token</code> of the daemon’s data directory, and is kept for this tab only.
      </p>
      <label class="field">
        Token
        <input name="token" type="password" autoComplete="current-password" required spellcheck={false} />
      </label>
      {problem.value !== null && (
        <p class="note tone-bad" role="alert">
          {problem.value}
        </p>
      )}
      <button class="button button-primary">Sign in</button>
      <pre class="command" tabIndex={0}>
        <code>cat var/token</code>
      </pre>
    </form>
  );
}

/** Asked before it is believed. */
async function tryToken(token: string): Promise<void> {
  if (!/^[\x21-\x7e]+$/.test(token))
    throw new ApiFailure(401, 'unauthorized', 'This is not a token: it has no spaces, and only plain letters.');
  const response = await fetch('/api/v1/deployments?limit=1', { headers: { authorization: `Bearer ${token}` } });
  if (response.status === 401) throw new ApiFailure(401, 'unauthorized', 'The daemon does not know this token.');
  setToken(token);
}
