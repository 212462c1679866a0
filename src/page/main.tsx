// The page begins here: it takes over the document that the server sent, and keeps it up to date.
import { render } from 'preact';
import { App } from './app.tsx';
import { startClock } from './live/clock.ts';
import { startClusters } from './live/clusters.ts';
import { listenToEverything } from './live/event-stream.ts';
import { startStream } from './live/one-stream.ts';
import { startLocation } from './live/location.ts';
import { startSession } from './live/session.ts';
import { startWatched } from './live/watched.ts';
import { startKeyboard } from './parts/keyboard.ts';
import { startTheme } from './parts/theme.ts';
import './style.css';

startTheme();
startLocation();
startClock();
startKeyboard();
startClusters();
startWatched();
listenToEverything();
void startSession().then(startStream);

const LONGEST_MS = 800;
const root = document.createElement('div');
root.id = 'page';
render(<App />, root);
// Answers that came with the document are drawn before anything else happens.
setTimeout(show);

/** The server's document stays until there is as much to read as in it; but not for long. */
function show(): void {
  if (performance.now() < LONGEST_MS && root.querySelector('[aria-busy]') !== null) requestAnimationFrame(show);
  else document.body.replaceChildren(root);
}
