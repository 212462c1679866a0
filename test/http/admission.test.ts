// Which role each route needs, and for what. The table is written by hand: a new route fails here until somebody has thought about it.
import { describe, expect, test } from '@jest/globals';
import { DEEDS, DEMANDS } from '../../src/core/access.ts';
import type { Deed } from '../../src/core/access.ts';
import { ownerActor, ROLES } from '../../src/core/actor.ts';
import type { Role } from '../../src/core/actor.ts';
import type { Change } from '../../src/core/repository.ts';
import { isGuarded } from '../../src/http/route.ts';
import { createRoutes } from '../../src/http/routes.ts';
import { ask, startServer } from './lab.ts';
import { sampleClusterView, sampleDeploymentView, sampleEvent } from './memory-application.ts';
import type { MemoryApplication } from './memory-application.ts';
import { NEEDS } from './needs.ts';

const OWNER = ownerActor('root', null);

test('every route says who may use it, and it is what was decided', () => {
  const said = createRoutes().map((route) => [
    `${route.method} ${route.path}`,
    isGuarded(route) ? `${route.needs} on ${route.on}` : route.door,
  ]);
  expect(Object.fromEntries(said)).toEqual(NEEDS);
});

/** The requests that each deed is, as core/access.ts tells people. */
const REQUESTS: Readonly<Record<Deed, readonly string[]>> = {
  deploy: ['clusters/:name/deploy', 'deployments/:number/retry'],
  rollback: ['clusters/:name/rollback'],
  'release-hold': ['clusters/:name/release-hold'],
  lock: ['clusters/:name/lock', 'clusters/:name/unlock'],
  pause: ['deployments/:number/pause', 'deployments/:number/resume', 'deployments/:number/skip'],
  abort: ['deployments/:number/abort'],
  settle: ['deployments/:number/migration'],
  approve: ['deployments/:number/approve', 'deployments/:number/reject'],
};

test('people are told the role that the doors ask for', () => {
  const asked = new Map(
    createRoutes()
      .filter(isGuarded)
      .map(({ method, path, needs }) => [`${method} ${path}`, needs]),
  );
  for (const deed of DEEDS) {
    for (const request of REQUESTS[deed]) {
      expect({ deed, request, role: asked.get(`post /api/v1/${request}`) }).toEqual({ deed, request, role: DEMANDS[deed].role });
    }
  }
  // Whatever else can be asked of a cluster or a deployment changes nothing there.
  const told = Object.values(REQUESTS).flat();
  const rest = [...asked.keys()].filter((key) => /^post \/api\/v1\/(?:clusters|deployments)\//.test(key) && !told.includes(key.slice(13)));
  expect(rest).toEqual(['post /api/v1/clusters/:name/drift']);
});

type Who = { role: Role; clusters: readonly string[] };

const OWN = 'production';
const FOREIGN = 'elsewhere';
/** What a request needs to be a good one. */
const BODIES: Readonly<Record<string, object>> = {
  'post /api/v1/deployments/:number/skip': { server: 'web1' },
  'post /api/v1/deployments/:number/migration': { done: true },
  'post /api/v1/tokens': { name: 'new', role: 'viewer', clusters: ['*'] },
  'post /api/v1/users': { name: 'new', password: 'correct horse battery', role: 'viewer', clusters: ['*'] },
  'post /api/v1/users/:name/change': { role: 'deployer' },
  'post /api/v1/users/:name/password': { password: 'correct horse battery' },
};

describe('every role at every route', () => {
  const people = ROLES.flatMap((role): Who[] => [
    { role, clusters: [OWN] },
    { role, clusters: ['*'] },
  ]);
  const cases = people.flatMap((who) => ['own', 'foreign'].map((whose) => ({ ...who, whose })));

  test.each(cases)('$role of $clusters, $whose: comes in exactly where it was decided', async (who) => {
    const lab = await startServer();
    try {
      prepare(lab.application);
      await lab.people.createToken({ name: 'victim', role: 'viewer', clusters: ['*'], lifetimeMs: null }, OWNER);
      await lab.registry.addUser({ name: 'victim', role: 'viewer', clusters: ['*'], teams: [] });
      const { secret } = await lab.people.createToken({ name: 'who', ...who, lifetimeMs: null }, OWNER);
      const found: Record<string, number> = {};
      const expected: Record<string, number> = {};
      // Removed last: the other routes need somebody there.
      const routes = createRoutes().filter(isGuarded);
      for (const route of routes.sort((a, b) => Number(a.path.endsWith('/remove')) - Number(b.path.endsWith('/remove')))) {
        const key = `${route.method} ${route.path}`;
        found[key] = await knock(lab.url, key, who.whose === 'own', secret);
        expected[key] = decided(NEEDS[key] ?? '', who, who.whose === 'own');
      }
      expect(found).toEqual(expected);
      const refusals = Object.values(found).filter((status) => status === 403).length;
      expect(lab.registry.witnessed.filter(({ what, who: name }) => what === 'refused' && name === 'who (token)')).toHaveLength(refusals);
    } finally {
      await lab.close();
    }
  });

  /** The rule in words: what is not theirs does not exist (404); what their role does not allow is refused (403); all else is done. */
  function decided(needs: string, { role, clusters }: Who, own: boolean): number {
    const [needed = '', on = ''] = needs.split(' on ');
    const isEverywhere = clusters.includes('*');
    if (['cluster', 'deployment', 'repository'].includes(on) && !own && !isEverywhere) return 404;
    if (on === 'all' && !isEverywhere) return 403;
    return ROLES.indexOf(role) >= ROLES.indexOf(needed as Role) ? 200 : 403;
  }
});

test('lists show only what belongs to the clusters of who asks', async () => {
  const lab = await startServer();
  try {
    prepare(lab.application);
    const { secret } = await lab.people.createToken({ name: 'who', role: 'viewer', clusters: [OWN], lifetimeMs: null }, OWNER);
    const asked = { authorization: `Bearer ${secret}` };
    for (const path of ['/api/v1/clusters', '/api/v1/deployments', '/api/v1/deliveries', '/metrics', '/']) {
      const headers = path === '/' ? { authorization: `Basic ${Buffer.from(`x:${secret}`).toString('base64')}` } : asked;
      const { status, body } = await ask(lab.url, path, { headers });
      expect({ path, status, foreign: /elsewhere|other/.test(body) }).toEqual({ path, status: 200, foreign: false });
      expect(body).toContain(path === '/api/v1/deliveries' ? 'deliveries' : OWN);
    }
    expect(JSON.parse((await ask(lab.url, `/api/v1/deployments?cluster=${FOREIGN}`, { headers: asked })).body)).toEqual({
      deployments: [],
    });
    lab.application.publish(sampleEvent(1), { ...sampleEvent(2), cluster: FOREIGN }, { ...sampleEvent(3), cluster: null }, sampleEvent(4));
    expect(await eventIds(lab.url, secret, 4)).toEqual([1, 4]);
  } finally {
    await lab.close();
  }
});

test('an answer that goes on ends when its reader is not known any more', async () => {
  const lab = await startServer({ watchMs: 20 });
  try {
    const { secret } = await lab.people.createToken({ name: 'who', role: 'viewer', clusters: ['*'], lifetimeMs: null }, OWNER);
    const response = await fetch(`${lab.url}/api/v1/events`, { headers: { authorization: `Bearer ${secret}` } });
    const ended = response.text().then(
      () => 'ended',
      () => 'cut off',
    );
    await lab.people.revokeToken('who', OWNER);
    expect(await ended).toBe('cut off');
  } finally {
    await lab.close();
  }
});

function prepare(application: MemoryApplication): void {
  application.clusters.set(FOREIGN, { ...sampleClusterView(FOREIGN), branches: [{ repository: 'other', branch: 'servers/elsewhere' }] });
  application.deploymentViews.set(43, { ...sampleDeploymentView(43), cluster: FOREIGN, repository: 'other' });
  const change = { paths: null, actor: 'ann', source: 'hook', refs: [] } as const;
  for (const repository of ['shop', 'other']) application.received.push({ ...change, delivery: 'd1', repository } as unknown as Change);
}

/** Its status; all that is done counts as 200. */
async function knock(url: string, key: string, own: boolean, secret: string): Promise<number> {
  const [method = '', path = ''] = key.split(' ');
  const about: Record<string, string> = own
    ? { ':number': '42', ':repository': 'shop', ':id': 'd1' }
    : { ':number': '43', ':repository': 'other', ':id': 'd1' };
  about[':name'] = /\/(clusters|servers)\//.test(path) ? (own ? OWN : FOREIGN) : 'victim';
  about[':server'] = 'web1';
  if (path.includes('/notices/')) about[':id'] = '7';
  const end = new AbortController();
  const headers = { authorization: `Bearer ${secret}` };
  const address = url + path.replace(/:\w+/g, (name) => about[name] ?? '');
  const response = await fetch(
    address,
    method === 'get'
      ? { headers, signal: end.signal }
      : {
          method: 'POST',
          headers: { ...headers, 'content-type': 'application/json' },
          body: JSON.stringify(BODIES[key] ?? {}),
          signal: end.signal,
        },
  );
  end.abort();
  return response.ok ? 200 : response.status;
}

async function eventIds(url: string, secret: string, last: number): Promise<number[]> {
  const end = new AbortController();
  const response = await fetch(`${url}/api/v1/events?after=0`, { headers: { authorization: `Bearer ${secret}` }, signal: end.signal });
  let text = '';
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    text += Buffer.from(chunk).toString();
    if (text.includes(`id: ${last}\n`)) break;
  }
  end.abort();
  return [...text.matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id));
}
