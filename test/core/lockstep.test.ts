// The core's promises as properties: lockstep (I2), limits, no way into a dead end, replay.
import { describe, expect, test } from '@jest/globals';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { apply } from '../../src/core/apply.ts';
import type { Deployment } from '../../src/core/deployment.ts';
import type { Recorded } from '../../src/core/event.ts';
import { evolve } from '../../src/core/evolve.ts';
import { next } from '../../src/core/next.ts';
import { deploymentView } from '../../src/core/view-of.ts';
import { BarrierChecker } from '../lab/barrier-checker.ts';
import { sampleCheck, sampleCluster, sampleCommand, sampleCommands, sampleVerification } from '../lab/samples.ts';
import { deploy, newState } from './course-of-events.ts';
import type { Chance } from './course-of-events.ts';

/** A small, fast generator: one seed, one run. (mulberry32) */
function chanceOf(seed: number, options: { failures: number; aborts: number; ambiguous: boolean }): Chance {
  let a = seed >>> 0;
  const random = (): number => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
  return {
    pick: (below) => Math.floor(random() * below),
    failure: (effect) => {
      if (random() >= options.failures) return null;
      if (effect.action === 'migrate' && options.ambiguous) return 'ambiguous';
      return random() < 0.5 ? 'unreachable' : 'command';
    },
    abort: () => options.aborts > 0 && random() < options.aborts,
    skip: () => options.aborts > 0 && random() < options.aborts * 10,
  };
}

const clusterOf = (
  servers: number,
  shape: {
    maintenance: boolean;
    migrate: boolean;
    migrations: 'after-switch' | 'before-lock' | null;
    verify: boolean;
    balancer: boolean;
    percent: number;
    concurrency: number;
  },
) => {
  const plain = sampleCluster(servers, { maxFailures: { percent: shape.percent }, concurrency: shape.concurrency });
  return {
    ...plain,
    maintenance: shape.maintenance ? plain.maintenance : null,
    commands: sampleCommands({
      migrate: shape.migrate && shape.migrations === null ? sampleCommand : null,
      ...(shape.balancer ? { drain: sampleCommand, install: sampleCommand, readd: sampleCommand } : {}),
    }),
    migrations: shape.migrations && {
      directory: 'db',
      database: 'sqlite:///srv/a.db',
      password: null,
      when: shape.migrations,
      lint: 'off' as const,
    },
    verify: shape.verify
      ? sampleVerification('http://{host}/', {
          http: [sampleCheck('http://{host}/'), sampleCheck('http://{host}:81/', { when: 'before-unlock' })],
          cluster: [sampleCheck('http://www.example.org/')],
        })
      : null,
  };
};

const shapes = fc.record({
  maintenance: fc.boolean(),
  migrate: fc.boolean(),
  migrations: fc.constantFrom(null, 'after-switch' as const, 'before-lock' as const),
  verify: fc.boolean(),
  balancer: fc.boolean(),
  percent: fc.constantFrom(0, 5, 50),
  concurrency: fc.integer({ min: 1, max: 60 }),
});

/** Compares what an event can have changed; the whole is compared once at the end of each run. */
function differs(a: Deployment, b: Deployment, { event }: Recorded): boolean {
  const x = a.course[a.at];
  const y = b.course[b.at];
  if (a.state !== b.state || a.at !== b.at || a.excluded !== b.excluded || a.live !== b.live) return true;
  if (x?.done !== y?.done || x?.failed !== y?.failed || x?.running !== y?.running || x?.cursor !== y?.cursor) return true;
  if (!('server' in event) || typeof event.server !== 'number') return false;
  const m = a.members[event.server];
  const n = b.members[event.server];
  return m?.at !== n?.at || m?.status !== n?.status || m?.excluded !== n?.excluded || m?.release !== n?.release;
}

describe('a deployment', () => {
  test('I2: of 1,000 servers with random delays and failures never breaks a barrier, and replays to the same state after every event', () => {
    const property = fc.property(fc.integer(), fc.constantFrom(0, 0.0001, 0.001, 0.01), shapes, (seed, failures, shape) => {
      const cluster = clusterOf(1_000, shape);
      const replayed = newState();
      let checker: BarrierChecker | null = null;
      let again: Deployment | null = null;
      const { deployment } = deploy(cluster, chanceOf(seed, { failures, aborts: 0.00002, ambiguous: true }), (recorded, now) => {
        checker ??= new BarrierChecker(1_000, now.course);
        checker.see(recorded);
        again = apply(replayed, recorded) ?? again;
        if (again !== null && differs(again, now, recorded)) {
          throw new Error(`replay differs after event ${recorded.number}`);
        }
      });
      expect(isDeepStrictEqual(again, deployment)).toBe(true);
    });
    fc.assert(property, { numRuns: 1_000, endOnFailure: true });
  }, 600_000);

  test('has never more servers in upload than `concurrency`', () => {
    const property = fc.property(fc.integer(), fc.integer({ min: 1, max: 40 }), shapes, (seed, servers, shape) => {
      const cluster = clusterOf(servers, shape);
      deploy(cluster, chanceOf(seed, { failures: 0.02, aborts: 0, ambiguous: false }), (_, now) => {
        for (const stage of now.course) {
          const limit = stage.action === 'upload' ? cluster.concurrency : Infinity;
          if (stage.running > limit) throw new Error(`${stage.running} servers in ${stage.action}, allowed are ${limit}`);
        }
      });
    });
    fc.assert(property, { numRuns: 300 });
  });

  test('always reaches an end or says that it needs an operator, with the reason (I14)', () => {
    const property = fc.property(
      fc.integer(),
      fc.integer({ min: 1, max: 12 }),
      fc.constantFrom(0, 0.05, 0.3, 1),
      shapes,
      (seed, servers, failures, shape) => {
        const { deployment } = deploy(
          clusterOf(servers, shape),
          chanceOf(seed, { failures, aborts: 0.01, ambiguous: true }),
          () => undefined,
        );
        expect(['ended', 'needs-operator']).toContain(deployment.state);
        if (deployment.result !== 'done') expect(deployment.problem?.message).toEqual(expect.any(String));
        expect(next(deployment)).toEqual([]);
      },
    );
    fc.assert(property, { numRuns: 1_000 });
  });

  test('that fails without further faults leaves every server on one release, unlocked (I1, I3, I13)', () => {
    const property = fc.property(
      fc.integer(),
      fc.integer({ min: 1, max: 12 }),
      shapes,
      fc.integer({ min: 0, max: 80 }),
      (seed, servers, shape, when) => {
        let count = 0;
        const chance = chanceOf(seed, { failures: 0, aborts: 0, ambiguous: false });
        const once: Chance = { ...chance, failure: () => (count++ === when ? 'command' : null) };
        const { deployment } = deploy(clusterOf(servers, shape), once, () => undefined);
        const touched = deployment.members.filter((member) => member.excluded === null);
        const releases = new Set(touched.map((member) => member.release).filter((release) => release !== undefined));
        expect(releases.size).toBeLessThanOrEqual(1);
        expect(deployment.result).toEqual(expect.any(String));
        if (deployment.result !== 'done' && !deployment.live) {
          expect(releases.has('new')).toBe(false);
          expect(deployment.members.some((member) => member.mayHaveSwitched)).toBe(false);
          expect(deployment.members.some((member) => member.mayBeLocked)).toBe(false);
        }
      },
    );
    fc.assert(property, { numRuns: 2_000 });
  });

  test('refuses events that cannot happen', () => {
    const { deployment, journal } = deploy(sampleCluster(2), chanceOf(1, { failures: 0, aborts: 0, ambiguous: false }), () => undefined);
    expect(deployment.result).toBe('done');
    for (const recorded of journal) {
      if (recorded.deployment !== null) expect(() => evolve(deployment, recorded.event, 1)).toThrow('cannot happen');
    }
    const state = newState();
    for (const recorded of journal.slice(0, 6)) apply(state, recorded);
    expect(() => apply(state, journal[5] as Recorded)).toThrow('cannot happen');
  });

  test('of 1,000 servers through all steps is replayed in well under a second', () => {
    const { journal } = deploy(sampleCluster(1_000), chanceOf(7, { failures: 0, aborts: 0, ambiguous: false }), () => undefined);
    const begin = process.hrtime.bigint();
    const state = newState();
    for (const recorded of journal) apply(state, recorded);
    const tookMs = Number(process.hrtime.bigint() - begin) / 1e6;
    expect(journal.length).toBeGreaterThan(14_000);
    expect(tookMs).toBeLessThan(1_000);
  });

  test('excludes servers within the failure budget, and stops before the lock beyond it', () => {
    const chance = chanceOf(3, { failures: 0, aborts: 0, ambiguous: false });
    const failing = (count: number): Chance => ({
      ...chance,
      failure: (e) => (e.action === 'upload' && (e.server ?? 0) < count ? 'unreachable' : null),
    });
    const within = deploy(sampleCluster(40, { maxFailures: { percent: 5 } }), failing(2), () => undefined).deployment;
    expect(within.result).toBe('done');
    expect(deploymentView(within).servers.filter((server) => server.state === 'unreachable')).toHaveLength(2);
    const beyond = deploy(sampleCluster(40, { maxFailures: { percent: 5 } }), failing(3), () => undefined).deployment;
    expect(beyond.result).toBe('failed');
    expect(beyond.members.some((member) => member.mayBeLocked)).toBe(false);
  });
});
