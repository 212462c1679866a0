// The post office: listens to the engine, keeps what is to be told, and sends it. Nobody ever waits for it.
import { DeployError, problemOf } from '../core/errors.ts';
import type { Application } from '../core/application.ts';
import type { Listener, ReadSecret } from '../core/ports.ts';
import type { NoticesView } from '../core/views.ts';
import { targetAddressees } from './addressee.ts';
import type { Addressee } from './addressee.ts';
import { createCourier } from './courier.ts';
import type { Courier } from './courier.ts';
import type { DeliveryTools } from './deliver.ts';
import { reportAddressees } from './forges/reporters.ts';
import { linksOf } from './links.ts';
import { isoOf, noticeView, testNotice } from './notice-view.ts';
import { createSend } from './outgoing.ts';
import { createPoster } from './poster.ts';
import type { PosterTools } from './poster.ts';
import { Undelivered } from './undelivered.ts';

export type PostOfficeTools = Omit<PosterTools, 'addressees' | 'onPosted'> & {
  readonly readSecret: ReadSecret;
  /** 5 s if left out; tests wait less. */
  readonly firstPauseMs?: number;
};

export type PostOffice = {
  /** Before the engine goes on: what an earlier daemon did not get to is put into the outbox and sent. */
  start(): Promise<void>;
  readonly listen: Listener;
  /** The configuration has changed. */
  review(): void;
  /** What is not delivered is sent after the next start. */
  stop(): Promise<void>;
} & Pick<Application, 'notices' | 'retryNotice' | 'testNotice'>;

const MOST_SHOWN = 1_000;
const TEST_LIMIT_MS = 25_000;

export function createPostOffice(tools: PostOfficeTools): PostOffice {
  const { store, configuration, log, now, firstPauseMs = 5_000 } = tools;
  const allow = (): readonly string[] => configuration().notices.allow;
  const send = createSend(allow);
  const delivery: DeliveryTools = { send, readSecret: tools.readSecret, allow, now, links: linksOf(configuration) };
  const couriers = new Map<string, Courier>();
  let isStopped = false;

  const addressees = (): readonly Addressee[] => [
    ...targetAddressees(configuration(), delivery),
    ...reportAddressees(configuration(), store, delivery),
  ];
  const named = (name: string): Addressee | null => addressees().find((one) => one.name === name) ?? null;

  function wake(name: string): void {
    if (isStopped) return;
    let courier = couriers.get(name);
    if (courier === undefined) {
      courier = createCourier(name, { outbox: store, addressee: () => named(name), log, now, firstPauseMs });
      couriers.set(name, courier);
    }
    courier.wake();
  }

  const poster = createPoster({ ...tools, addressees, onPosted: (targets) => targets.forEach(wake) });

  async function test(name: string): Promise<{ message: string; deployment: null }> {
    const to = named(name);
    if (to === null)
      throw new DeployError(
        'not-found',
        `there is no target ${name}; there are: ${
          addressees()
            .map((one) => one.name)
            .join(', ') || 'none'
        }`,
      );
    if (!to.isTestable) throw new DeployError('conflict', `${name} is told of real deployments only; see: lockstep notices`);
    try {
      await to.deliver([testNotice(configuration().project, now())], AbortSignal.timeout(TEST_LIMIT_MS));
    } catch (error) {
      if (!(error instanceof Undelivered)) throw error;
      throw new DeployError('conflict', `the test notice for ${name} was not delivered: ${error.message}`);
    }
    return { message: `${name} (${to.kind}) has taken the test notice`, deployment: null };
  }

  return {
    async start() {
      try {
        await poster.catchUp();
        for (const name of await store.addressees()) wake(name);
      } catch (error) {
        // Deployments matter more than who is told of them.
        log(`notices of earlier cannot be sent: ${problemOf(error).message}`);
      }
    },
    listen: poster.listen,
    review() {
      for (const courier of couriers.values()) courier.wake();
    },
    async stop() {
      isStopped = true;
      await poster.stop();
      await Promise.all([...couriers.values()].map((courier) => courier.stop()));
    },
    async notices(): Promise<NoticesView> {
      const parcels = await store.undelivered(MOST_SHOWN);
      return {
        targets: addressees().map(({ name, kind }) => {
          const { deliveredAt = null, problem = null } = couriers.get(name)?.status() ?? {};
          const own = parcels.filter(({ target }) => target === name);
          const dead = own.filter(({ isDead }) => isDead).length;
          return { name, kind, waiting: own.length - dead, dead, deliveredAt: isoOf(deliveredAt), problem };
        }),
        notices: parcels.map(noticeView),
      };
    },
    async retryNotice(id) {
      const target = await store.revive(id, now());
      if (target === null) throw new DeployError('not-found', `there is no undelivered notice ${id}; see: lockstep notices`);
      wake(target);
      return { message: `notice ${id} is sent to ${target} again; see: lockstep notices`, deployment: null };
    },
    testNotice: test,
  };
}
