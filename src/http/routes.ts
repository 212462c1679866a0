// Every route there is. A path that is not in this list is 404; a route without a door cannot be written.
import { accessRoutes } from './access-routes.ts';
import { showFeed } from './atom.ts';
import { auditRoutes } from './audit-routes.ts';
import { showBadge } from './badge.ts';
import { showProjects } from './cctray.ts';
import { showCluster } from './cluster-page.ts';
import { clusterRoutes } from './cluster-routes.ts';
import { deliveryRoutes } from './delivery-routes.ts';
import { showDeployment } from './deployment-page.ts';
import { deploymentRoutes } from './deployment-routes.ts';
import { streamEvents } from './event-stream.ts';
import { live, ready } from './health-routes.ts';
import { createHookDoor } from './hook-door.ts';
import { followLog } from './log-stream.ts';
import { showMetrics } from './metrics.ts';
import { insightRoutes } from './insight-routes.ts';
import { openApi } from './openapi.ts';
import { showOverview } from './overview-page.ts';
import { noticeRoutes } from './notice-routes.ts';
import { peopleRoutes } from './people-routes.ts';
import { sendAsset } from './page-assets.ts';
import { pageRoutes } from './page-document.ts';
import type { Route } from './route.ts';
import { signInRoutes } from './sign-in-routes.ts';

export function createRoutes(): readonly Route[] {
  return [
    // All methods: whoever knocks in a wrong way is told the same as who has a wrong signature.
    { method: 'all', path: '/hooks/:repository', door: 'signed', handle: createHookDoor() },
    ...clusterRoutes,
    ...deploymentRoutes,
    ...deliveryRoutes,
    ...auditRoutes,
    ...noticeRoutes,
    ...peopleRoutes,
    ...signInRoutes,
    ...insightRoutes,
    ...accessRoutes,
    { method: 'get', path: '/api/v1/events', door: 'token', needs: 'viewer', on: 'some', handle: streamEvents },
    {
      method: 'get',
      path: '/api/v1/openapi.json',
      door: 'token',
      needs: 'viewer',
      on: 'some',
      handle: ({ version }, _request, response) => void response.json(openApi(version)),
    },
    { method: 'get', path: '/metrics', door: 'token', needs: 'viewer', on: 'some', handle: showMetrics },
    { method: 'get', path: '/livez', door: 'open', handle: live },
    { method: 'get', path: '/readyz', door: 'open', handle: ready },
    { method: 'get', path: '/', door: 'browser', needs: 'viewer', on: 'some', handle: showOverview },
    { method: 'get', path: '/clusters/:name', door: 'browser', needs: 'viewer', on: 'cluster', handle: showCluster },
    { method: 'get', path: '/deployments/:number', door: 'browser', needs: 'viewer', on: 'deployment', handle: showDeployment },
    { method: 'get', path: '/deployments/:number/log', door: 'browser', needs: 'viewer', on: 'deployment', handle: followLog },
    { method: 'get', path: '/api/v1/clusters/:name/badge.svg', door: 'browser', needs: 'viewer', on: 'cluster', handle: showBadge },
    { method: 'get', path: '/cctray.xml', door: 'browser', needs: 'viewer', on: 'some', handle: showProjects },
    { method: 'get', path: '/feed.atom', door: 'browser', needs: 'viewer', on: 'some', handle: showFeed },
    ...pageRoutes,
    { method: 'get', path: '/assets/:file', door: 'open', handle: sendAsset },
  ];
}
