// The frame around every screen: where one can go, whether the connection lives, and the screen itself.
import { overview, overviewProblem } from './live/clusters.ts';
import { connection } from './live/one-stream.ts';
import type { Connection } from './live/one-stream.ts';
import { path, query } from './live/location.ts';
import { isSignedOut, me, seesAudit, signOut } from './live/session.ts';
import { Announcer } from './parts/announcer.tsx';
import { Dialog } from './parts/dialog.tsx';
import { Help } from './parts/help.tsx';
import { Icon } from './parts/icons.tsx';
import { isHelpOpen } from './parts/keyboard.ts';
import { isDark, switchTheme } from './parts/theme.ts';
import { AuditScreen } from './screens/audit.tsx';
import { ClusterScreen } from './screens/cluster.tsx';
import { DeliveriesScreen } from './screens/deliveries.tsx';
import { DeploymentScreen } from './screens/deployment.tsx';
import { OverviewScreen } from './screens/overview.tsx';
import { QueueScreen } from './screens/queue.tsx';
import { ServerScreen } from './screens/server.tsx';
import { SignIn } from './screens/sign-in.tsx';
import { StatisticsScreen } from './screens/statistics.tsx';
import { Empty } from './parts/empty.tsx';

const PLACES = [
  { path: '/', name: 'Clusters' },
  { path: '/queue', name: 'Queue' },
  { path: '/deliveries', name: 'Deliveries' },
  { path: '/statistics', name: 'Statistics' },
  { path: '/audit', name: 'Audit' },
] as const;

const CONNECTIONS: Readonly<Record<Connection, { word: string; tone: string }>> = {
  live: { word: 'Live', tone: 'ok' },
  connecting: { word: 'Connecting', tone: 'wait' },
  resting: { word: 'Resting', tone: 'wait' },
  waiting: { word: 'No connection', tone: 'bad' },
  'signed-out': { word: 'Signed out', tone: 'warn' },
};

export function App() {
  return (
    <>
      <a class="skip-link" href="#main">
        To the content
      </a>
      <Header />
      <main id="main" tabIndex={-1}>
        {isSignedOut.value ? (
          <SignIn />
        ) : (
          <>
            <Problems />
            <Screen />
          </>
        )}
      </main>
      <Announcer />
      <Dialog />
      <Help />
    </>
  );
}

function Header() {
  const { word, tone } = CONNECTIONS[connection.value];
  return (
    <header class="top">
      <a class="brand" href="/" aria-label="Lockstep: clusters">
        <svg viewBox="0 0 24 24" width="24" height="24" aria-hidden="true">
          <path d="M5 4v16M12 4v16M19 4v16" stroke="currentColor" stroke-width="3.4" stroke-linecap="round" />
          <path d="M2 12h20" stroke="currentColor" stroke-width="1.6" opacity=".55" />
        </svg>
        <span>Lockstep</span>
      </a>
      <nav aria-label="Screens">
        {PLACES.filter(({ path: place }) => place !== '/audit' || seesAudit()).map((place) => (
          <a key={place.path} href={place.path} aria-current={isAt(place.path) ? 'page' : undefined}>
            {place.name}
          </a>
        ))}
      </nav>
      <div class="top-end">
        <span class={`connection tone-${tone}`} title={`Event stream: ${word.toLowerCase()}`}>
          <span class="dot" aria-hidden="true" />
          <span class="connection-word">{word}</span>
        </span>
        <button
          class="icon-button"
          onClick={switchTheme}
          aria-label={isDark.value ? 'Light colours' : 'Dark colours'}
          title="Dark or light"
        >
          <Icon name={isDark.value ? 'sun' : 'moon'} />
        </button>
        <button class="icon-button wide-only" onClick={() => (isHelpOpen.value = true)} aria-label="Keys" title="Keys (?)">
          <kbd>?</kbd>
        </button>
        {!isSignedOut.value && (
          <button
            class="link-button wide-only"
            title={me.value === null ? undefined : `${me.value.name}, ${me.value.role}`}
            onClick={() => void signOut()}
          >
            Sign out{me.value === null ? '' : ` ${me.value.name}`}
          </button>
        )}
      </div>
    </header>
  );
}

const isAt = (place: string): boolean =>
  place === '/'
    ? path.value === '/' || path.value.startsWith('/clusters/') || path.value.startsWith('/deployments/')
    : path.value === place;

function Problems() {
  const problems = [overview.value?.storeProblem, overview.value?.configurationProblem, overviewProblem.value].filter(
    (problem) => problem !== null && problem !== undefined,
  );
  return (
    <>
      {problems.map((problem) => (
        <p key={problem} class="note tone-bad" role="alert">
          <Icon name="warn" />
          <span>{problem}</span>
        </p>
      ))}
    </>
  );
}

function Screen() {
  const [, place, name, sub, server] = path.value.split('/').map(decode);
  if (place === '') return <OverviewScreen />;
  if (place === 'clusters' && name !== undefined && sub === 'servers' && server !== undefined) {
    return <ServerScreen key={`${name}/${server}`} cluster={name} server={server} />;
  }
  if (place === 'clusters' && name !== undefined) return <ClusterScreen key={name} name={name} />;
  if (place === 'deployments' && /^[1-9]\d{0,14}$/.test(name ?? '')) return <DeploymentScreen key={name} number={Number(name)} />;
  if (place === 'queue') return <QueueScreen />;
  if (place === 'deliveries') return <DeliveriesScreen />;
  if (place === 'audit') return <AuditScreen />;
  if (place === 'statistics') return <StatisticsScreen key={query.value.get('cluster')} />;
  return (
    <Empty title="There is nothing at this address">
      <p>
        <a href="/">All clusters</a>
      </p>
    </Empty>
  );
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
