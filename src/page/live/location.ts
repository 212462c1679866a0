// Where we are: the address, as a signal. Links of ours change it without loading the document again.
import { signal } from '@preact/signals';

export const path = signal(location.pathname);
/** The screen's own settings, such as filters. */
export const query = signal(new URLSearchParams(location.search));

export function startLocation(): void {
  addEventListener('popstate', read);
  document.addEventListener('click', (event) => {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = (event.target as Element | null)?.closest('a');
    if (link === null || link === undefined || link.origin !== location.origin || link.hasAttribute('download') || link.target !== '')
      return;
    if (!isScreen(link.pathname) || link.getAttribute('href')?.startsWith('#') === true) return;
    event.preventDefault();
    go(link.pathname + link.search + link.hash);
  });
}

export function go(to: string): void {
  history.pushState(null, '', to);
  read();
  scrollTo(0, 0);
}

/** Changes a setting of this screen; `null` takes it away. Leaves no entry in the history. */
export function setQuery(name: string, value: string | null): void {
  const next = new URLSearchParams(query.peek());
  if (value === null || value === '') next.delete(name);
  else next.set(name, value);
  const text = next.toString();
  history.replaceState(null, '', `${location.pathname}${text === '' ? '' : `?${text}`}${location.hash}`);
  query.value = next;
}

/** The rest is the server's: the API, sign-in, feeds. */
const isScreen = (pathname: string): boolean =>
  /^\/(?:$|clusters\/[^/]+(?:\/servers\/[^/]+)?$|deployments\/\d+$|(?:queue|deliveries|statistics|audit)$)/.test(pathname);

function read(): void {
  query.value = new URLSearchParams(location.search);
  path.value = location.pathname;
}

export const clusterPath = (name: string): string => `/clusters/${encodeURIComponent(name)}`;
export const serverPath = (cluster: string, server: string): string => `${clusterPath(cluster)}/servers/${encodeURIComponent(server)}`;
export const deploymentPath = (number: number): string => `/deployments/${number}`;
