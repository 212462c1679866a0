// A notice as a CDEvent 0.4, in a CloudEvent 1.0 of the structured content mode.
// https://github.com/cdevents/spec/blob/v0.4.1/continuous-deployment.md, https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md
import type { Notice } from '../core/notice.ts';

export const CDEVENTS_TYPE = 'application/cloudevents+json';

type Subject = { readonly type: string; readonly kind: string; readonly content: Readonly<Record<string, unknown>> };

/** `link`: the page of its deployment. */
export function cdEvent(notice: Notice, link: string | null): Record<string, unknown> {
  const source = `/lockstep/${encodeURIComponent(notice.project)}`;
  const time = new Date(notice.at).toISOString();
  const { type, kind, content } = subjectOf(notice, link);
  const id = kind === 'service' ? `${notice.project}/${notice.clusters[0] ?? ''}` : (notice.deployment ?? notice.id).toString();
  return {
    specversion: '1.0',
    id: notice.id,
    source,
    type,
    subject: id,
    time,
    datacontenttype: 'application/json',
    data: {
      context: { version: '0.4.1', id: notice.id, source, type, timestamp: time },
      subject: { id, source, type: kind, content },
      // What the vocabulary has no word for.
      customData: notice,
      customDataContentType: 'application/json',
    },
  };
}

/** A deployment that arrived is about the service; all else is about the run of a task. */
function subjectOf(notice: Notice, link: string | null): Subject {
  const { state, purpose, clusters, project, repository, revision, reason } = notice;
  const environment = { id: clusters[0] ?? '' };
  if (state === 'succeeded') {
    const isBack = purpose === 'roll-back' || purpose === 'emergency';
    const artifactId = `pkg:generic/${encodeURIComponent(project)}@${encodeURIComponent(revision ?? '')}`;
    return {
      kind: 'service',
      type: `dev.cdevents.service.${isBack ? 'rolledback' : 'deployed'}.0.2.0`,
      content: { environment, artifactId },
    };
  }
  const content = { taskName: `deploy ${repository ?? ''} to ${clusters.join(', ')}`, ...(link === null ? {} : { url: link }) };
  if (state === 'asked' || state === 'began') return { kind: 'taskRun', type: 'dev.cdevents.taskrun.started.0.2.0', content };
  return {
    kind: 'taskRun',
    type: 'dev.cdevents.taskrun.finished.0.2.0',
    content: { ...content, outcome: outcomeOf(notice), errors: reason },
  };
}

const outcomeOf = ({ state }: Notice): string =>
  state === 'aborted' || state === 'superseded'
    ? 'cancel'
    : state === 'locked' || state === 'unlocked' || state === 'drift-ended'
      ? 'success'
      : 'failure';
