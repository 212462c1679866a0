// Every route there is. A path that is not in this list is 404; a route without a door cannot be written.
import { showFeed } from './atom.ts';
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
import { sendAsset } from './page-assets.ts';
import { pageRoutes } from './page-document.ts';
import type { Route } from './route.ts';

export function createRoutes(): readonly Route[] {
  return [
    // All methods: whoever knocks in a wrong way is told the same as who has a wrong signature.
    { method: 'all', path: '/hooks/:repository', door: 'signed', handle: createHookDoor() },
    ...clusterRoutes,
    ...deploymentRoutes,
    ...deliveryRoutes,
    ...insightRoutes,
    { method: 'get', path: '/api/v1/events', door: 'token', handle: streamEvents },
    {
      method: 'get',
      path: '/api/v1/openapi.json',
      door: 'token',
      handle: ({ version }, _request, response) => void response.json(openApi(version)),
    },
    { method: 'get', path: '/metrics', door: 'token', handle: showMetrics },
    { method: 'get', path: '/livez', door: 'open', handle: live },
    { method: 'get', path: '/readyz', door: 'open', handle: ready },
    { method: 'get', path: '/', door: 'browser', handle: showOverview },
    { method: 'get', path: '/clusters/:name', door: 'browser', handle: showCluster },
    { method: 'get', path: '/deployments/:number', door: 'browser', handle: showDeployment },
    { method: 'get', path: '/deployments/:number/log', door: 'browser', handle: followLog },
    { method: 'get', path: '/api/v1/clusters/:name/badge.svg', door: 'browser', handle: showBadge },
    { method: 'get', path: '/cctray.xml', door: 'browser', handle: showProjects },
    { method: 'get', path: '/feed.atom', door: 'browser', handle: showFeed },
    ...pageRoutes,
    { method: 'get', path: '/assets/:file', door: 'open', handle: sendAsset },
  ];
}
