// GET /cctray.xml: all clusters as build monitors read them (https://cctray.org/v1/).
import type { Request, Response } from 'express';
import type { Actor } from '../core/actor.ts';
import type { EndedRecord } from '../core/ended.ts';
import type { ClusterView } from '../core/views.ts';
import { escaped, segment } from './markup.ts';
import type { Context } from './route.ts';
import { visibleOverview } from './visible.ts';

export async function showProjects({ application }: Context, request: Request, response: Response, actor: Actor): Promise<void> {
  const { clusters } = await visibleOverview(application, actor);
  const base = `${request.protocol}://${request.headers.host ?? ''}`;
  const projects = await Promise.all(clusters.map(async (view) => project(view, await application.insight.last(view.cluster), base)));
  response.type('application/xml').send(`<?xml version="1.0" encoding="utf-8"?>\n<Projects>\n${projects.join('\n')}\n</Projects>\n`);
}

export function project(view: ClusterView, last: EndedRecord | null, base: string): string {
  const status = last === null ? 'Unknown' : last.result === 'done' ? 'Success' : last.result === 'aborted' ? 'Exception' : 'Failure';
  const attributes = {
    name: view.cluster,
    activity: view.state === 'idle' ? 'Sleeping' : 'Building',
    lastBuildStatus: view.state === 'needs-operator' ? 'Failure' : status,
    lastBuildLabel: String(last?.deployment ?? ''),
    lastBuildTime: new Date(last?.endedAt ?? 0).toISOString(),
    webUrl: `${base}/clusters/${segment(view.cluster)}`,
  };
  const text = Object.entries(attributes).map(([name, value]) => `${name}="${escaped(value)}"`);
  return `<Project ${text.join(' ')}/>`;
}
