// The daemon: the one place where all parts meet. Tests start the same wiring.
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openBuilder } from './build/builder.ts';
import { loadConfiguration } from './config/load.ts';
import type { LoadedConfiguration } from './config/load.ts';
import { watchConfiguration } from './config/watch.ts';
import type { Transport } from './core/channel.ts';
import type { Cluster } from './core/cluster.ts';
import type { Configuration } from './core/configuration.ts';
import { DeployError, problemOf } from './core/errors.ts';
import { visibleLine } from './core/escape.ts';
import { eventView } from './core/event-text.ts';
import { knownClusters } from './core/mapping.ts';
import type { Witnessed } from './core/people.ts';
import type { Listener, Store } from './core/ports.ts';
import type { Server } from './core/server.ts';
import { clusterOf, isFree } from './core/state.ts';
import { noteOf } from './core/witnessed-note.ts';
import { createEngine } from './engine/engine.ts';
import { createMasking } from './files/masking.ts';
import { openOutsideFiles } from './files/outside.ts';
import { readSecret } from './files/secrets.ts';
import { loadState, replay } from './engine/load.ts';
import { hookReader } from './forge/hook-reader.ts';
import { readCertificate } from './http/certificate.ts';
import { checkListening, IN_PLAIN } from './http/listening.ts';
import type { Listening } from './http/listening.ts';
import { createHttpServer } from './http/server.ts';
import { openMigrations } from './migrations/open.ts';
import type { Log } from './notify/log.ts';
import { createPostOffice } from './notify/post-office.ts';
import { createPeople } from './people/people.ts';
import { createAudit } from './requests/authority.ts';
import { createApplication } from './requests/application.ts';
import { createCatchUp } from './requests/catch-up.ts';
import { rememberContacts } from './requests/contacts.ts';
import { createDriftWatch } from './requests/drift-watch.ts';
import { createHeads } from './requests/heads.ts';
import { createLookout } from './requests/lookout.ts';
import { openChannels } from './steps/channels.ts';
import { inspector } from './steps/inspector.ts';
import { performer } from './steps/perform.ts';
import { rememberShapes } from './steps/shapes.ts';
import { openArtifacts } from './store/artifacts.ts';
import { openPacker } from './store/packs.ts';
import { lockDataDirectory } from './store/data-lock.ts';
import { openDeploymentLogs } from './store/deployment-log.ts';
import { housekeeping } from './requests/housekeeping.ts';
import { openPeopleStore } from './store/people.ts';
import { linesOf } from './store/log-lines.ts';
import { openSecrets } from './store/secrets.ts';
import { openStore } from './store/sqlite.ts';
import { openTransport } from './transport/open.ts';
import { openVersionControl } from './vcs/open.ts';

export type DaemonOptions = {
  readonly version: string;
  /** Absolute path of branches.config.json. */
  readonly config: string;
  /** Absolute path of the data directory. */
  readonly data: string;
  readonly address: string;
  /** 0: any free one. */
  readonly port: number;
  /** In plain if left out, which is for the loopback. */
  readonly listening?: Listening;
  readonly log: Log;
  /** Stands between the engine and the store; tests of crashes put a store there that dies at a chosen moment. */
  readonly wrapStore?: (store: Store) => Store;
};

export type Daemon = {
  readonly url: string;
  /** Finishes effects in flight, brings a cutover to its end, and stops. Called again: ends effects in flight as well. */
  stop(): Promise<void>;
};

const LONGEST_RUNTIME = 60;

/** Rejects with DeployError: `configuration`, `conflict` (another daemon uses the data directory), `store`. */
export async function startDaemon({
  version,
  config,
  data,
  address,
  port,
  listening = IN_PLAIN,
  log,
  wrapStore = (store) => store,
}: DaemonOptions): Promise<Daemon> {
  const now = Date.now;
  checkListening(address, listening);
  const certificate = listening.tls && (await readCertificate(listening.tls));
  const loaded = await loadConfiguration(config);
  let { configuration } = loaded;
  let configurationFile = { hash: loaded.hash, at: now() };
  let configurationProblem: string | null = null;

  const lock = await lockDataDirectory(data);
  const store = wrapStore(await openStore(data));
  const peopleStore = openPeopleStore(data);
  const secrets = openSecrets(data);
  const token = await secrets.ensureToken();
  await ensureSecrets(configuration);
  const logs = await openDeploymentLogs(join(data, 'logs'));
  const artifacts = await openArtifacts(join(data, 'artifacts'));
  const packer = await openPacker(join(data, 'packs'));
  const versionControl = openVersionControl({ directory: join(data, 'repositories') });
  const builder = await openBuilder({ directory: join(data, 'builds'), artifacts, versionControl });
  const migrations = openMigrations({ readSecret });
  const runtime = await openRuntime(data);
  const { transport, contactOf } = rememberContacts(openTransport({ directory: join(data, 'ssh'), runtime }), now);

  const epoch = await store.raiseEpoch();
  const channels = openChannels(transport, epoch, join(data, 'migrations'));
  const state = await loadState(store);
  const heads = createHeads(await store.heads());
  const shapes = rememberShapes(artifacts);
  const inspect = inspector(shapes);
  const masking = createMasking();
  const { mask } = masking;
  const files = await openOutsideFiles({ directory: join(data, 'files'), versionControl, masking, log: writeLog });
  const perform = performer({
    builder,
    artifacts,
    packer,
    migrations,
    versionControl,
    ...channels,
    files,
    mask,
    shapes,
    remembered: (cluster, release) => clusterOf(state, cluster).record.releases.find((one) => one.id === release) ?? null,
    isDrifted: (cluster, server) => clusterOf(state, cluster).record.drifted.some((one) => one.server === server),
    log: writeLog,
    now,
  });
  const engine = createEngine({
    store,
    state,
    perform,
    mask,
    now,
    lastEvent: await store.lastEvent(),
    log: (message) => log.error(message),
    fatal: async (message) => {
      log.error(`ending: ${message}`);
      await log.close();
      process.exit(1);
    },
    release: async (deployment) => {
      logs.append(deployment.number, masking.end(deployment.number));
      logs.end(deployment.number);
      files.forget(deployment.number);
      await channels.close(deployment);
      // One that never ran has made nothing that could be tidied up.
      if (deployment.result !== 'superseded') await housekeeping({ engine, artifacts, logs });
    },
  });
  engine.subscribe(writeLogs);
  const postOffice = createPostOffice({
    store,
    state,
    configuration: () => configuration,
    replay: (number) => replay(store, number),
    readSecret,
    log: (line) => log.warn(line),
    now,
  });
  engine.subscribe(postOffice.listen);

  const expect = (cluster: Cluster): void => {
    if (isFree(state, cluster)) channels.connectAhead(cluster);
  };
  const lookout = createLookout({ engine, store, heads, configuration: () => configuration, versionControl, expect }, now, (line) =>
    log.warn(line),
  );
  const catchUp = createCatchUp({
    engine,
    heads,
    configuration: () => configuration,
    isReachable: (cluster, server, signal) => isReachable(transport, cluster, server, signal),
    now,
    log: (line) => log.warn(line),
  });
  const application = createApplication({
    version,
    engine,
    store,
    heads,
    lookout,
    configuration: () => configuration,
    configurationProblem: () => configurationProblem,
    configurationFile: () => configurationFile,
    contactOf,
    versionControl,
    catchUpNow: catchUp.hurry,
    transport,
    inspect,
    artifacts,
    migrations,
    log: writeLog,
    readLog,
    secrets: secrets.secretsOf,
    postOffice,
    now,
    subscribe: engine.subscribe,
    lastEvent: engine.lastEvent,
    replay: (number) => replay(store, number),
  });
  const clusters = () => knownClusters(configuration, heads.branches());
  const driftWatch = createDriftWatch({ engine, transport, inspect, clusters, now, log: (line) => log.warn(line) });
  const settings = () => configuration.people ?? null;
  const audit = createAudit(engine);
  const people = createPeople({ store: peopleStore, ownerToken: token, settings, witness, now });
  const http = createHttpServer(application, {
    token,
    people,
    witness,
    version,
    hooks: hookReader,
    log: (line) => log.error(line),
    listening,
    certificate,
    settings,
  });

  await postOffice.start();
  await engine.request(() => ({ events: [{ deployment: null, event: { type: 'daemon-started', epoch, version } }], result: null }));
  engine.resume();
  const { url } = await http.listen(address, port).catch(async (error: unknown) => {
    await close();
    throw error;
  });
  lookout.startPolling();
  catchUp.start();
  driftWatch.start();
  const listener = {
    onLoaded: (next: LoadedConfiguration): void => {
      configurationFile = { hash: next.hash, at: now() };
      void adopt(next.configuration, null);
    },
    onProblem: (problem: string): void => void adopt(configuration, problem),
  };
  const watcher = await watchConfiguration(config, listener, { hash: loaded.hash });
  log.info(`listening on ${url}`, { epoch, data, config });

  async function adopt(next: Configuration, problem: string | null): Promise<void> {
    configuration = next;
    configurationProblem = problem;
    if (problem === null) log.info('configuration loaded');
    else log.error(`the configuration has a problem; the older one stays in force: ${problem}`);
    await ensureSecrets(configuration).catch((error: unknown) => log.error(problemOf(error).message));
    const event = { type: 'configuration-loaded', problem } as const;
    await engine.request(() => ({ events: [{ deployment: null, event }], result: null })).catch(() => undefined);
    if (problem === null) {
      lookout.reschedule();
      postOffice.review();
    }
  }

  /** What is done or refused about people and at the door; what is done about clusters is in the audit with its event. */
  function witness(witnessed: Witnessed): void {
    const { what, who, address, detail } = witnessed;
    log.info(`${what}: ${visibleLine(detail)}`, { who, address });
    audit.record(noteOf(witnessed)).catch((error: unknown) => log.error(`not in the audit: ${what}: ${problemOf(error).message}`));
  }

  async function ensureSecrets({ repositories }: Configuration): Promise<void> {
    for (const name of repositories.keys()) await secrets.ensureSecret(name);
  }

  /** What builds and commands print comes here, piece by piece, and nowhere else into a deployment's log. */
  function writeLog(deployment: number, text: string): void {
    logs.append(deployment, masking.follow(deployment, text));
  }

  function writeLogs(published: Parameters<Listener>[0]): void {
    for (const { recorded, deployment } of published) {
      const { at, text } = eventView(recorded, deployment);
      if (recorded.deployment !== null) logs.append(recorded.deployment, mask(`${at} ${text}\n`));
      if (recorded.event.type !== 'started' && recorded.event.type !== 'finished') {
        log.info(recorded.deployment === null ? text : mask(`deployment ${recorded.deployment}: ${text}`));
      }
    }
  }

  async function* readLog(number: number, { follow, signal }: { follow: boolean; signal: AbortSignal }): AsyncGenerator<string> {
    if ((await store.deployment(number)) === null) throw new DeployError('not-found', `there is no deployment ${number}`);
    yield* linesOf(logs.read(number, { follow, signal, ended: () => !engine.state.deployments.has(number) }));
  }

  async function close(): Promise<void> {
    await postOffice.stop();
    await transport.close();
    await logs.flush();
    await peopleStore.close();
    await store.close();
    await rm(runtime, { recursive: true, force: true });
    await lock.release();
  }

  let stopping: Promise<void> | null = null;
  return {
    url,
    stop() {
      if (stopping !== null) {
        engine.abort();
        return stopping;
      }
      stopping = (async () => {
        await watcher.close();
        await http.close();
        await Promise.all([lookout.stop(), catchUp.stop(), driftWatch.stop(), engine.stop()]);
        await channels.closeAll();
        await close();
      })();
      return stopping;
    },
  };
}

/** Epoch 0 only looks. */
async function isReachable(transport: Transport, cluster: Cluster, server: Server, signal: AbortSignal): Promise<boolean> {
  const channel = transport.channel(server, { epoch: 0, cluster });
  try {
    await channel.hello(signal);
    return true;
  } catch (error) {
    // Whatever else is wrong with the server is better said by a deployment that tries.
    return !['unreachable', 'timeout', 'aborted'].includes(problemOf(error).code);
  } finally {
    await channel.close();
  }
}

/**
 * Where the sockets of open connections live, for this run only. Their paths must stay below the 108 bytes of a sun_path (unix(7)),
 * with some 40 for the socket's own name: a long data directory gets one under the system's temporary directory.
 */
async function openRuntime(data: string): Promise<string> {
  const own = join(data, 'run');
  if (Buffer.byteLength(own) > LONGEST_RUNTIME) return mkdtemp(join(tmpdir(), 'lockstep-'));
  // A daemon that was killed left its sockets there.
  await rm(own, { recursive: true, force: true });
  await mkdir(own, { mode: 0o700 });
  return own;
}
