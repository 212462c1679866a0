// Targets of notices: each kind has keys of its own, which must all be there, and no others.
import type { SecretReference } from '../core/files.ts';
import { NOTICE_VARIABLES, USUAL_STATES } from '../core/notice.ts';
import type { NoticeKind, NoticeSettings, NoticeTarget } from '../core/notice.ts';
import { placeholders } from '../core/pattern.ts';
import type { Files } from './files.ts';
import type { Path, Problems } from './problems.ts';
import type { NoticesInput } from './notices-schema.ts';

type TargetInput = NoticesInput['targets'][string];

/** Keys of each kind: those that it needs, and those that it may have. */
const KEYS: Readonly<
  Record<NoticeKind, { readonly needs: readonly string[]; readonly may: readonly string[]; readonly perMinute: number }>
> = {
  slack: { needs: ['url'], may: [], perMinute: 30 },
  teams: { needs: ['url'], may: [], perMinute: 30 },
  // These three are silent for a while after the 20th in a minute.
  wecom: { needs: ['url'], may: [], perMinute: 18 },
  dingtalk: { needs: ['url'], may: ['secret'], perMinute: 18 },
  telegram: { needs: ['token', 'chat'], may: ['api'], perMinute: 18 },
  feishu: { needs: ['url'], may: ['secret'], perMinute: 60 },
  email: { needs: ['server', 'from', 'to'], may: ['user', 'password'], perMinute: 30 },
  webhook: { needs: ['url'], may: ['secret', 'format'], perMinute: 600 },
};

const OF_A_KIND = [...new Set(Object.values(KEYS).flatMap(({ needs, may }) => [...needs, ...may]))];

const TELEGRAM = 'https://api.telegram.org';

/** `input` null: it has problems of its own, which are reported already. */
export function resolveNotices(input: NoticesInput | null, files: Files, problems: Problems): NoticeSettings {
  const { page, allow, targets } = input ?? { page: undefined, allow: [], targets: {} };
  return {
    page: page?.replace(/\/+$/, '') ?? null,
    allow,
    targets: Object.entries(targets).flatMap(([name, one]) => resolveTarget(name, one, ['notices', 'targets', name], files, problems)),
  };
}

function resolveTarget(name: string, input: TargetInput, path: Path, files: Files, problems: Problems): NoticeTarget[] {
  const { needs, may, perMinute } = KEYS[input.kind];
  const given = new Set(Object.entries(input).flatMap(([key, value]) => (value === undefined ? [] : [key])));
  const missing = needs.filter((key) => !given.has(key));
  for (const key of missing) problems.report([...path, key], `is missing; a target of the kind ${input.kind} needs it`);
  for (const key of OF_A_KIND) {
    if (given.has(key) && !needs.includes(key) && !may.includes(key))
      problems.reportKey([...path, key], `is not for the kind ${input.kind}`);
  }
  if ((input.user === undefined) !== (input.password === undefined)) problems.report(path, 'must have both of user and password, or none');
  const template = typeof input.template === 'object' ? input.template.join('\n') : (input.template ?? null);
  const stranger = placeholders(template ?? '').find((one) => !(NOTICE_VARIABLES as readonly string[]).includes(one.name));
  if (stranger !== undefined)
    problems.report(
      [...path, 'template'],
      `{${stranger.name}} is unknown; allowed: ${NOTICE_VARIABLES.map((one) => `{${one}}`).join(', ')}`,
    );
  const routing = {
    name,
    clusters: input.clusters,
    states: input.states ?? USUAL_STATES,
    template,
    perMinute: input.perMinute ?? perMinute,
    digestMs: input.digest,
  };
  return missing.length > 0 ? [] : [{ ...routing, ...ownOf(input, files) }];
}

type Own = NoticeTarget extends infer One
  ? One extends NoticeTarget
    ? Omit<One, 'name' | 'clusters' | 'states' | 'template' | 'perMinute' | 'digestMs'>
    : never
  : never;

/** What only this kind has; the keys that it needs are there. */
function ownOf(input: TargetInput, files: Files): Own {
  const { kind } = input;
  const url = reference(input.url, files) ?? NOWHERE;
  const secret = reference(input.secret, files);
  switch (kind) {
    case 'slack':
    case 'teams':
    case 'wecom':
      return { kind, url };
    case 'dingtalk':
    case 'feishu':
      return { kind, url, secret };
    case 'telegram':
      return {
        kind,
        token: reference(input.token, files) ?? NOWHERE,
        chat: input.chat ?? '',
        api: input.api?.replace(/\/+$/, '') ?? TELEGRAM,
      };
    case 'email': {
      const { server = '', user = null, from = '', to = [] } = input;
      return { kind, server, user, from, to, password: reference(input.password, files) };
    }
    case 'webhook':
      return { kind, url, secret, format: input.format ?? 'lockstep' };
    default:
      return kind satisfies never;
  }
}

/** Stands where a key is missing, of a target that is not used then. */
const NOWHERE: SecretReference = { environment: '' };

function reference(source: SecretReference | undefined, files: Files): SecretReference | null {
  if (source === undefined) return null;
  return 'file' in source ? { file: files.resolve(source.file) } : source;
}
