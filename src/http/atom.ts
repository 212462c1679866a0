// GET /feed.atom: the newest deployments for feed readers (RFC 4287).
import type { Request, Response } from 'express';
import type { Actor } from '../core/actor.ts';
import type { DeploymentView } from '../core/views.ts';
import { escaped, segment, subject } from './markup.ts';
import { queryValue } from './route.ts';
import type { Context } from './route.ts';
import { visibleDeployments } from './visible.ts';

const NEWEST = 30;

export async function showFeed({ application, now }: Context, request: Request, response: Response, actor: Actor): Promise<void> {
  const cluster = queryValue(request, 'cluster');
  const deployments = await visibleDeployments(application, { limit: NEWEST, ...(cluster === undefined ? {} : { cluster }) }, actor);
  const base = `${request.protocol}://${request.headers.host ?? ''}`;
  response.type('application/atom+xml').send(feed(deployments, cluster ?? null, base, new Date(now()).toISOString()));
}

/** `now`: when the feed was made, for one that has no entry. */
export function feed(deployments: readonly DeploymentView[], cluster: string | null, base: string, now: string): string {
  const self = `${base}/feed.atom${cluster === null ? '' : `?cluster=${segment(cluster)}`}`;
  const title = cluster === null ? 'Deployments' : `Deployments of ${cluster}`;
  return `<?xml version="1.0" encoding="utf-8"?>
<feed xmlns="http://www.w3.org/2005/Atom">
<id>${escaped(self)}</id><title>${escaped(title)}</title><updated>${escaped(updated(deployments[0]) ?? now)}</updated>
<author><name>Lockstep</name></author><link rel="self" href="${escaped(self)}"/><link href="${escaped(base)}/"/>
${deployments.map((one) => entry(one, base)).join('\n')}
</feed>
`;
}

const updated = (one: DeploymentView | undefined): string | undefined => one?.endedAt ?? one?.requestedAt;

function entry(one: DeploymentView, base: string): string {
  const { number, cluster, result, state, revision, author, message, reason, requestedBy } = one;
  const url = `${base}/deployments/${number}`;
  const commit = `${revision.slice(0, 12)} ${subject(message)}`;
  const summary = `${commit}. Requested by ${requestedBy}. ${result !== null && result !== 'done' ? reason : ''}`.trim();
  return `<entry><id>${escaped(url)}</id><title>${escaped(`${cluster}: ${result ?? state} (deployment ${number})`)}</title><updated>${escaped(updated(one) ?? '')}</updated><link href="${escaped(url)}"/><author><name>${escaped(author ?? requestedBy)}</name></author><summary>${escaped(summary)}</summary></entry>`;
}
