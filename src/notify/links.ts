// Addresses of pages that messages point to.
import type { Configuration } from '../core/configuration.ts';
import { compareUrl } from './forges/place.ts';
import type { Links } from './text.ts';

export function linksOf(configuration: () => Configuration): Links {
  return {
    deployment: (number) => {
      const { page } = configuration().notices;
      return page === null ? null : `${page}/deployments/${number}`;
    },
    compare: (repository, from, to) => {
      const known = configuration().repositories.get(repository);
      return known === undefined ? null : compareUrl(known, from, to);
    },
  };
}
