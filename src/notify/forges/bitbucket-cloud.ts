// Bitbucket Cloud: a build status of the commit, which the next one of the same key replaces.
// https://developer.atlassian.com/cloud/bitbucket/rest/api-group-commit-statuses/
import { createHash } from 'node:crypto';
import { contextOf, courseOf, cut, encodedPath } from './report.ts';
import type { Course, ReportTo } from './report.ts';

const STATES: Readonly<Record<Course, string>> = {
  waiting: 'INPROGRESS',
  running: 'INPROGRESS',
  success: 'SUCCESSFUL',
  failure: 'FAILED',
  cancelled: 'STOPPED',
};

const LONGEST_KEY = 40;

export const bitbucketCloud: ReportTo = {
  headers: bitbucketHeaders,
  async report(report, { call }) {
    const course = courseOf(report.notice);
    if (course === null) return;
    const { project, revision } = report;
    await call('POST', `/repositories/${encodedPath(project)}/commit/${revision}/statuses/build`, {
      key: keyOf(contextOf(report)),
      name: contextOf(report),
      state: STATES[course],
      description: cut(report.description, 255),
      // It must have one.
      url: report.link ?? `https://bitbucket.org/${encodedPath(project)}/commits/${revision}`,
    });
  },
};

/** An access token, or `account:password` of an app password. */
export function bitbucketHeaders(token: string): Readonly<Record<string, string>> {
  return { authorization: token.includes(':') ? `Basic ${Buffer.from(token).toString('base64')}` : `Bearer ${token}` };
}

const keyOf = (context: string): string =>
  context.length <= LONGEST_KEY
    ? context
    : `lockstep/${createHash('sha256')
        .update(context)
        .digest('hex')
        .slice(0, LONGEST_KEY - 9)}`;
