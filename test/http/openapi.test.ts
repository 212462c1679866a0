import { expect, test } from '@jest/globals';
import { openApi } from '../../src/http/openapi.ts';
import { createRoutes } from '../../src/http/routes.ts';

type Operation = { summary: string; security?: unknown[]; parameters?: { name: string; in: string }[] };
const description = openApi('1') as unknown as {
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, unknown> };
};
const described = Object.entries(description.paths).flatMap(([path, operations]) =>
  Object.entries(operations).map(([method, operation]) => ({ method, path, operation })),
);

test('the API’s description has exactly the routes that there are', () => {
  const routes = createRoutes().map(({ method, path }) => `${method === 'all' ? 'post' : method} ${path.replace(/:(\w+)/g, '{$1}')}`);
  expect(described.map(({ method, path }) => `${method} ${path}`).sort()).toEqual(routes.sort());
});

test('the description says which routes need the token', () => {
  for (const { path, method, door } of createRoutes()) {
    const operation = description.paths[path.replace(/:(\w+)/g, '{$1}')]?.[method === 'all' ? 'post' : method];
    expect({ path, free: operation?.security?.length === 0 }).toEqual({ path, free: door === 'open' || door === 'signed' });
  }
});

test('every name in a path is described, and every schema that is referred to exists', () => {
  for (const { path, operation } of described) {
    const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
    expect(operation.parameters?.filter((parameter) => parameter.in === 'path').map(({ name }) => name) ?? []).toEqual(names);
  }
  for (const [, name] of JSON.stringify(description).matchAll(/#\/components\/schemas\/(\w+)/g)) {
    expect(Object.keys(description.components.schemas)).toContain(name);
  }
});
