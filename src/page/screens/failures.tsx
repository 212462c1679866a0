// What failed, by what was said: the same failure on 900 servers is one entry.
import type { DeploymentView } from '../../core/views.ts';
import { plural } from '../live/words.ts';
import { Icon } from '../parts/icons.tsx';

const MOST_NAMES = 12;

export function Failures({ view, onServer }: { readonly view: DeploymentView; readonly onServer: (name: string) => void }) {
  const groups = new Map<string, { message: string; servers: string[] }>();
  for (const { name, error } of view.servers) {
    if (error === null) continue;
    const key = error
      .split(name)
      .join('…')
      .replace(/\d+(\.\d+)?/g, '0');
    const group = groups.get(key) ?? { message: error, servers: [] };
    group.servers.push(name);
    groups.set(key, group);
  }
  if (groups.size === 0) return null;
  return (
    <section aria-label="Failures" class="failures">
      <h2>Failures</h2>
      {[...groups].map(([key, { message, servers }]) => (
        <div key={key} class="note note-block tone-bad">
          <Icon name="bad" />
          <div>
            <p>{message}</p>
            <p class="names">
              {servers.length > 1 && <span class="muted">{plural(servers.length, 'server')}:</span>}
              {servers.slice(0, MOST_NAMES).map((name) => (
                <button key={name} class="link-button" onClick={() => onServer(name)}>
                  {name}
                </button>
              ))}
              {servers.length > MOST_NAMES && <span class="muted">and {servers.length - MOST_NAMES} more</span>}
            </p>
          </div>
        </div>
      ))}
    </section>
  );
}
