// The servers of a deployment: chips with names where they fit, a canvas with one cell each where there are many; and one of them, closer.
import type { DeploymentView } from '../../core/views.ts';
import { STEPS } from '../../core/step.ts';
import { post } from '../live/api.ts';
import { duration } from '../live/clock.ts';
import { watchStates, watchTimings } from '../live/live-servers.ts';
import type { LiveServers } from '../live/live-servers.ts';
import { serverPath } from '../live/location.ts';
import { grouped, isNotOk, plural, SERVER_STATES, toneOfServer } from '../live/words.ts';
import { askFirst } from '../parts/dialog.tsx';
import { Icon, Pill } from '../parts/icons.tsx';
import { Matrix } from './matrix.tsx';

type Props = {
  readonly view: DeploymentView;
  readonly servers: LiveServers;
  readonly canSkip: boolean;
  readonly selected: string | null;
  readonly onSelect: (name: string | null) => void;
};

/** Chips with names up to here. */
const MOST_CHIPS = 60;
const MOST_ODD = 40;

export function Servers({ view, servers, canSkip, selected, onSelect }: Props) {
  const isLarge = servers.names.length > MOST_CHIPS;
  return (
    <section aria-label="Servers" class="servers-section">
      <div class="section-head">
        <h2>Servers</h2>
        <Legend servers={servers} />
      </div>
      {isLarge ? (
        <>
          <Matrix servers={servers} selected={selected} onSelect={onSelect} />
          <Odd view={view} onSelect={onSelect} />
        </>
      ) : (
        <Chips servers={servers} selected={selected} onSelect={onSelect} />
      )}
      {selected !== null && servers.indexOf.has(selected) && (
        <Closer view={view} name={selected} servers={servers} canSkip={canSkip} onClose={() => onSelect(null)} />
      )}
    </section>
  );
}

function Legend({ servers }: { readonly servers: LiveServers }) {
  const counts = new Uint32Array(SERVER_STATES.length);
  for (const state of watchStates(servers)) counts[state] = (counts[state] ?? 0) + 1;
  return (
    <ul class="legend">
      {SERVER_STATES.map((state, i) =>
        (counts[i] ?? 0) === 0 ? null : (
          <li key={state} class={`tone-${toneOfServer(state)}`}>
            <span class={`cell cell-${state}`} aria-hidden="true" />
            <strong>{grouped(counts[i] ?? 0)}</strong> {state}
          </li>
        ),
      )}
    </ul>
  );
}

function Chips({ servers, selected, onSelect }: Pick<Props, 'servers' | 'selected' | 'onSelect'>) {
  const states = watchStates(servers);
  return (
    <ul class="chips">
      {servers.names.map((name, i) => {
        const state = SERVER_STATES[states[i] ?? 0] ?? 'idle';
        const tone = toneOfServer(state);
        return (
          <li key={name}>
            <button
              class={`chip tone-${tone}`}
              data-row
              aria-pressed={name === selected}
              onClick={() => onSelect(name === selected ? null : name)}
            >
              <Icon name={tone} />
              <span class="chip-name">{name}</span>
              <span class="chip-state">{state}</span>
            </button>
          </li>
        );
      })}
    </ul>
  );
}

/** The canvas has no text: what is not well stands here by name as well. */
function Odd({ view, onSelect }: Pick<Props, 'view' | 'onSelect'>) {
  const odd = view.servers.filter((server) => isNotOk(server.state));
  if (odd.length === 0) return <p class="muted">No server has failed, is unreachable or was left behind.</p>;
  return (
    <p class="names">
      <span class="muted">Not well:</span>
      {odd.slice(0, MOST_ODD).map(({ name, state }) => (
        <button key={name} class="link-button" data-row onClick={() => onSelect(name)}>
          {name} ({state})
        </button>
      ))}
      {odd.length > MOST_ODD && <span class="muted">and {odd.length - MOST_ODD} more</span>}
    </p>
  );
}

type CloserProps = Pick<Props, 'view' | 'servers' | 'canSkip'> & { readonly name: string; readonly onClose: () => void };

function Closer({ view, name, servers, canSkip, onClose }: CloserProps) {
  const index = servers.indexOf.get(name) ?? -1;
  const server = view.servers.find((one) => one.name === name);
  const state = SERVER_STATES[watchStates(servers)[index] ?? 0] ?? 'idle';
  const times = STEPS.flatMap((step) => {
    const ms = watchTimings(servers).one(step, 'forward', index);
    return ms === null ? [] : [{ step, ms }];
  });
  return (
    <aside class="card closer" aria-label={`Server ${name}`}>
      <div class="section-head">
        <h3>
          <a href={serverPath(view.cluster, name)}>{name}</a>
        </h3>
        <Pill tone={toneOfServer(state)} word={state} />
        <button class="icon-button push-end" onClick={onClose} aria-label="Close">
          <Icon name="bad" />
        </button>
      </div>
      {server?.error != null && <p class="note tone-bad">{server.error}</p>}
      {server?.warning != null && <p class="note tone-warn">{server.warning}</p>}
      <dl class="facts-list">
        <div>
          <dt>Serves</dt>
          <dd>
            <code>{server?.release ?? 'not known yet'}</code>
          </dd>
        </div>
        <div>
          <dt>Sent</dt>
          <dd>
            {server === undefined || server.carrier === null
              ? 'nothing yet'
              : server.carrier === 'present'
                ? 'nothing: it was there'
                : `${bytes(server.bytes)} (${server.carrier})`}
          </dd>
        </div>
        {times.map(({ step, ms }) => (
          <div key={step}>
            <dt>{step}</dt>
            <dd>{duration(ms)}</dd>
          </div>
        ))}
      </dl>
      {canSkip && view.actions?.includes('skip') === true && !isNotOk(state) && (
        <button class="button" onClick={() => askToSkip(view, name, servers.names.length)}>
          <Icon name="skip" /> Leave out…
        </button>
      )}
    </aside>
  );
}

function askToSkip(view: DeploymentView, server: string, count: number): void {
  askFirst({
    title: `Leave ${server} out?`,
    body: <p>The other {plural(count - 1, 'server')} go on without it. It is left behind and catches up by itself afterwards.</p>,
    confirm: `Leave ${server} out`,
    act: async () => (await post(`deployments/${view.number}/skip`, { server })).message,
  });
}

function bytes(count: number): string {
  if (count < 1_000) return `${count} bytes`;
  if (count < 1_000_000) return `${(count / 1_000).toFixed(1)} kB`;
  return `${(count / 1_000_000).toFixed(1)} MB`;
}
