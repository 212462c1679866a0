// Gitea and Forgejo: a status of the commit. https://docs.gitea.com/api (POST /repos/{owner}/{repo}/statuses/{sha})
import { contextOf, courseOf, cut, encodedPath } from './report.ts';
import type { Course, ReportTo } from './report.ts';

const STATES: Readonly<Record<Course, string>> = {
  waiting: 'pending',
  running: 'pending',
  success: 'success',
  failure: 'failure',
  cancelled: 'warning',
};

export const gitea: ReportTo = {
  headers: (token) => ({ authorization: `token ${token}` }),
  async report(report, { call }) {
    const course = courseOf(report.notice);
    if (course === null) return;
    await call('POST', `/repos/${encodedPath(report.project)}/statuses/${report.revision}`, {
      state: STATES[course],
      context: contextOf(report),
      description: cut(report.description, 255),
      ...(report.link === null ? {} : { target_url: report.link }),
    });
  },
};
