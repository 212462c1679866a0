// Which role each route needs, and for what. The table is written by hand: a new route fails here until somebody has thought about it.
import { expect, test } from '@jest/globals';
import { isGuarded } from '../../src/http/route.ts';
import { createRoutes } from '../../src/http/routes.ts';
import { NEEDS } from './needs.ts';

test('every route says who may use it, and it is what was decided', () => {
  const said = createRoutes().map((route) => [
    `${route.method} ${route.path}`,
    isGuarded(route) ? `${route.needs} on ${route.on}` : route.door,
  ]);
  expect(Object.fromEntries(said)).toEqual(NEEDS);
});
