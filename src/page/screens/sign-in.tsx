// Nobody is signed in: where to do that. The form is the daemon's own page, which needs no script.
import { signInAddress } from '../live/session.ts';
import { showInTab } from '../parts/favicon.ts';

export function SignIn() {
  showInTab('warn', 'Signed out');
  return (
    <div class="sign-in card">
      <h1>Signed out</h1>
      <p class="muted">Nothing is asked of the daemon until somebody signs in.</p>
      <a class="button button-primary" href={signInAddress()}>
        Sign in
      </a>
    </div>
  );
}
