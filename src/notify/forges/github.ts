// GitHub and GitHub Enterprise: a deployment of the cluster's environment, and its statuses.
// https://docs.github.com/rest/deployments/deployments, https://docs.github.com/rest/deployments/statuses
import { Undelivered } from '../undelivered.ts';
import { courseOf, cut, encodedPath, idIn } from './report.ts';
import type { Course, ForgeTools, Report, ReportTo } from './report.ts';

const STATES: Readonly<Record<Course, string>> = {
  waiting: 'queued',
  running: 'in_progress',
  success: 'success',
  failure: 'failure',
  cancelled: 'error',
};

const LONGEST_DESCRIPTION = 140;

export const github: ReportTo = {
  headers: (token) => ({ authorization: `Bearer ${token}`, accept: 'application/vnd.github+json', 'x-github-api-version': '2022-11-28' }),
  async report(report, tools) {
    const course = courseOf(report.notice);
    if (course === null) return;
    const id = (await tools.remembered()) ?? (await found(report, tools)) ?? (await created(report, tools));
    await tools.remember(id);
    await tools.call('POST', `${pathOf(report)}/${id}/statuses`, {
      state: STATES[course],
      description: cut(report.description, LONGEST_DESCRIPTION),
      environment: report.cluster,
      auto_inactive: true,
      ...(report.link === null ? {} : { log_url: report.link }),
    });
  },
};

const pathOf = ({ project }: Report): string => `/repos/${encodedPath(project)}/deployments`;

const nameOf = ({ notice, deployment }: Report): string => `${notice.project}/${deployment}`;

/** One that we made, and did not get to remember. */
async function found(report: Report, { call }: ForgeTools): Promise<string | null> {
  const query = new URLSearchParams({ sha: report.revision, environment: report.cluster, per_page: '5' });
  const { json } = await call('GET', `${pathOf(report)}?${query.toString()}`);
  const ours = (Array.isArray(json) ? (json as unknown[]) : []).find((one) => isOurs(one, nameOf(report)));
  return idIn(ours, 'id');
}

/** The payload comes back as we sent it, or as text. */
function isOurs(deployment: unknown, name: string): boolean {
  const payload = typeof deployment === 'object' && deployment !== null && 'payload' in deployment ? deployment.payload : null;
  return JSON.stringify(payload).includes(JSON.stringify(name)) || (typeof payload === 'string' && payload.includes(JSON.stringify(name)));
}

async function created(report: Report, { call }: ForgeTools): Promise<string> {
  const { json } = await call('POST', pathOf(report), {
    ref: report.revision,
    environment: report.cluster,
    description: cut(`Deployment ${report.deployment} by Lockstep`, LONGEST_DESCRIPTION),
    auto_merge: false,
    // Lockstep decides what is deployed: no status of the commit is waited for.
    required_contexts: [],
    payload: { lockstep: nameOf(report) },
    production_environment: report.notice.environment === 'production',
  });
  const id = idIn(json, 'id');
  if (id === null) throw new Undelivered('GitHub made no deployment of it');
  return id;
}
