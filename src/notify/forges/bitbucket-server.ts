// Bitbucket Server and Data Center (7.4 and later): a build of the commit.
// https://developer.atlassian.com/server/bitbucket/how-tos/updating-build-status-for-commits
import { bitbucketHeaders } from './bitbucket-cloud.ts';
import { contextOf, courseOf, cut } from './report.ts';
import type { Course, ReportTo } from './report.ts';

const STATES: Readonly<Record<Course, string>> = {
  waiting: 'INPROGRESS',
  running: 'INPROGRESS',
  success: 'SUCCESSFUL',
  failure: 'FAILED',
  cancelled: 'CANCELLED',
};

export const bitbucketServer: ReportTo = {
  headers: bitbucketHeaders,
  async report(report, { call }) {
    const course = courseOf(report.notice);
    if (course === null) return;
    const [key = '', slug = ''] = report.project.split('/').map(encodeURIComponent);
    await call('POST', `/projects/${key}/repos/${slug}/commits/${report.revision}/builds`, {
      key: contextOf(report),
      name: contextOf(report),
      buildNumber: String(report.deployment),
      state: STATES[course],
      description: cut(report.description, 255),
      ref: report.notice.branch === null ? undefined : `refs/heads/${report.notice.branch}`,
      // It must have one, of an http address.
      url: report.link ?? 'https://lockstep.invalid/',
    });
  },
};
