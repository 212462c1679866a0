// The forges as addressees: each repository with a `report` is told of its deployments, one after the other in their order.
import type { Configuration } from '../../core/configuration.ts';
import type { Forge } from '../../core/forge.ts';
import type { Notice } from '../../core/notice.ts';
import type { Outbox } from '../../core/outbox.ts';
import type { Repository } from '../../core/repository.ts';
import type { Addressee } from '../addressee.ts';
import type { DeliveryTools } from '../deliver.ts';
import { hostOf, refusalOf } from '../outgoing.ts';
import { headline } from '../text.ts';
import { Undelivered } from '../undelivered.ts';
import { bitbucketCloud } from './bitbucket-cloud.ts';
import { bitbucketServer } from './bitbucket-server.ts';
import { gitea } from './gitea.ts';
import { github } from './github.ts';
import { gitlab } from './gitlab.ts';
import { reportPlace } from './place.ts';
import { courseOf } from './report.ts';
import type { ForgeTools, ReportTo } from './report.ts';

const FORGES: Readonly<Partial<Record<Forge, ReportTo>>> = {
  github,
  gitlab,
  gitea,
  forgejo: gitea,
  'bitbucket-cloud': bitbucketCloud,
  'bitbucket-server': bitbucketServer,
};

const PER_MINUTE = 300;

export function reportAddressees({ repositories }: Configuration, outbox: Outbox, tools: DeliveryTools): Addressee[] {
  return [...repositories.values()].flatMap((repository): Addressee[] => {
    const { report, forge, name } = repository;
    if (report === undefined || forge === null) return [];
    return [
      {
        name: `report:${name}`,
        kind: forge,
        perMinute: PER_MINUTE,
        digestMs: 0,
        isOneByOne: true,
        isTestable: false,
        wants: (notice) => notice.repository === name && notice.deployment !== null && courseOf(notice) !== null,
        groupOf: ({ deployment }) => String(deployment),
        async deliver(notices, signal) {
          for (const notice of notices) await tell(repository, notice, outbox, tools, signal);
        },
      },
    ];
  });
}

async function tell(repository: Repository, notice: Notice, outbox: Outbox, tools: DeliveryTools, signal: AbortSignal): Promise<void> {
  const { report, forge, name } = repository;
  const { deployment, revision, clusters } = notice;
  const forgeOf = forge === null ? undefined : FORGES[forge];
  const place = reportPlace(repository);
  const [cluster] = clusters;
  if (report === undefined || deployment === null || revision === null || cluster === undefined) return;
  if (forgeOf === undefined || place === null) {
    throw new Undelivered(`repositories.${name}: where its forge is cannot be told from its URL; set "report.api" and "report.project"`, {
      isFinal: true,
    });
  }
  const token = await tools.readSecret(report.token, `the token of repositories.${name}.report`, signal);
  const call: ForgeTools['call'] = async (method, path, body, mayBe) => {
    const url = `${place.api}${path}`;
    const headers = { ...forgeOf.headers(token), ...(body === undefined ? {} : { 'content-type': 'application/json' }) };
    const answer = await tools.send({ method, url, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) }, signal);
    const refusal = answer.status === mayBe ? null : refusalOf(answer, hostOf(url));
    if (refusal !== null) throw refusal;
    return { status: answer.status, json: jsonOf(answer.body) };
  };
  await forgeOf.report(
    {
      notice,
      project: place.project,
      cluster,
      revision,
      deployment,
      description: descriptionOf(notice),
      link: tools.links.deployment(deployment),
    },
    {
      call,
      remembered: () => outbox.reported(`report:${name}`, deployment),
      remember: (id) => outbox.rememberReported(`report:${name}`, deployment, id),
    },
  );
}

function descriptionOf(notice: Notice): string {
  const isWhy = notice.state !== 'asked' && notice.state !== 'began' && notice.state !== 'succeeded' && notice.reason !== '';
  return isWhy ? `${headline(notice)}: ${notice.reason.split('\n', 1)[0] ?? ''}` : headline(notice);
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
