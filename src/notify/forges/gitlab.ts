// GitLab: a deployment of the cluster's environment from its beginning on, and a status of the commit from the request on.
// https://docs.gitlab.com/api/deployments/, https://docs.gitlab.com/api/commits/#set-commit-pipeline-status
import { contextOf, courseOf, cut, idIn } from './report.ts';
import type { Course, ForgeTools, Report, ReportTo } from './report.ts';

const STATUSES: Readonly<Record<Course, string>> = {
  waiting: 'pending',
  running: 'running',
  success: 'success',
  failure: 'failed',
  cancelled: 'canceled',
};

const LONGEST_DESCRIPTION = 255;
const BAD_REQUEST = 400;

export const gitlab: ReportTo = {
  headers: (token) => ({ 'private-token': token }),
  async report(report, tools) {
    const course = courseOf(report.notice);
    if (course === null) return;
    const project = `/projects/${encodeURIComponent(report.project)}`;
    // 400 "Cannot transition status": it is what it shall become already, or a pipeline of GitLab's own has ended it.
    await tools.call(
      'POST',
      `${project}/statuses/${report.revision}`,
      {
        state: STATUSES[course],
        name: contextOf(report),
        ...(report.notice.branch === null ? {} : { ref: report.notice.branch }),
        description: cut(report.description, LONGEST_DESCRIPTION),
        ...(report.link === null ? {} : { target_url: report.link }),
      },
      BAD_REQUEST,
    );
    await deployment(report, course, `${project}/deployments`, tools);
  },
};

/** One that never began is none. */
async function deployment(report: Report, course: Course, path: string, { call, remembered, remember }: ForgeTools): Promise<void> {
  const known = await remembered();
  if (known !== null) {
    await call('PUT', `${path}/${known}`, { status: STATUSES[course] }, BAD_REQUEST);
    return;
  }
  if (course === 'waiting' || report.notice.state === 'superseded') return;
  const { json } = await call('POST', path, {
    environment: report.cluster,
    sha: report.revision,
    ref: report.notice.branch ?? report.revision,
    tag: false,
    status: STATUSES[course],
  });
  const id = idIn(json, 'id');
  if (id !== null) await remember(id);
}
