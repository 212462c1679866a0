// A notice: one thing that happened to a cluster, told to people and programs outside. And the settings of where notices go.
import type { Purpose } from './deployment.ts';
import type { SecretReference } from './files.ts';

export const NOTICE_STATES = [
  'asked',
  'began',
  'succeeded',
  'failed',
  'rolled-back',
  'aborted',
  'superseded',
  'needs-operator',
  'refused',
  'locked',
  'unlocked',
  'drift-found',
  'drift-ended',
] as const;

export type NoticeState = (typeof NOTICE_STATES)[number];

/** What somebody should know who did not ask for more. */
export const USUAL_STATES: readonly NoticeState[] = [
  'succeeded',
  'failed',
  'rolled-back',
  'aborted',
  'needs-operator',
  'refused',
  'drift-found',
];

/** Nobody should wait for these. */
export const URGENT_STATES: readonly NoticeState[] = ['failed', 'rolled-back', 'needs-operator'];

/** Kept with all that a message needs: at the time when it can be sent, the deployment may be long forgotten. */
export type Notice = {
  /** The same whenever and however often it is sent. */
  readonly id: string;
  readonly state: NoticeState;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly project: string;
  /** Clusters that it is about: one, or for a refused change those that its branch feeds (it may be none). */
  readonly clusters: readonly string[];
  readonly environment: string | null;
  readonly repository: string | null;
  readonly branch: string | null;
  readonly revision: string | null;
  /** The revision that was live before, where it is known. */
  readonly previous: string | null;
  readonly release: string | null;
  readonly author: string | null;
  /** First line of the commit's message. */
  readonly message: string | null;
  /** Who asked for it. */
  readonly by: string | null;
  /** Why it came to this state; of a success: why it was asked for. */
  readonly reason: string;
  readonly deployment: number | null;
  readonly purpose: Purpose | null;
  readonly durationMs: number | null;
  /** Names of the first servers that failed, and how many did. */
  readonly failed: { readonly servers: readonly string[]; readonly count: number };
  /** The cluster's deployment before this one did not succeed. */
  readonly isRecovery: boolean;
};

export const NOTICE_KINDS = ['slack', 'teams', 'telegram', 'email', 'dingtalk', 'feishu', 'wecom', 'webhook'] as const;

export type NoticeKind = (typeof NOTICE_KINDS)[number];

/** What reaches whom, and how often. */
type Routing = {
  readonly name: string;
  /** Globs of clusters. */
  readonly clusters: readonly string[];
  readonly states: readonly NoticeState[];
  /** With `{name}`s of `NOTICE_VARIABLES`; `null`: the built-in text. */
  readonly template: string | null;
  /** At most so many messages a minute. */
  readonly perMinute: number;
  /** Notices wait so long for others, to be sent as one message; 0: not at all. */
  readonly digestMs: number;
};

/** Where notices go. URLs are secrets: whoever knows one may write there. */
export type NoticeTarget = Routing &
  (
    | { readonly kind: 'slack' | 'teams' | 'wecom'; readonly url: SecretReference }
    | { readonly kind: 'dingtalk' | 'feishu'; readonly url: SecretReference; readonly secret: SecretReference | null }
    | { readonly kind: 'telegram'; readonly token: SecretReference; readonly chat: string; readonly api: string }
    | {
        readonly kind: 'email';
        /** `smtp://host:port` or `smtps://host:port`. */
        readonly server: string;
        readonly user: string | null;
        readonly password: SecretReference | null;
        readonly from: string;
        readonly to: readonly string[];
      }
    | {
        readonly kind: 'webhook';
        readonly url: SecretReference;
        readonly secret: SecretReference | null;
        readonly format: 'lockstep' | 'cdevents';
      }
  );

export type NoticeSettings = {
  /** Address under which people reach the page, without a slash at its end; `null`: messages have no link. */
  readonly page: string | null;
  /** Networks (CIDR) that may be reached although they are not public. */
  readonly allow: readonly string[];
  readonly targets: readonly NoticeTarget[];
};

/** How a forge is told of deployments. */
export type ReportSettings = {
  readonly token: SecretReference;
  /** Base URL of the forge's API; `null`: derived from the repository's URL. */
  readonly api: string | null;
  /** `owner/name` at the forge; `null`: derived from the repository's URL. */
  readonly project: string | null;
};

/** What templates of notices may name. */
export const NOTICE_VARIABLES = [
  'project',
  'state',
  'cluster',
  'environment',
  'repository',
  'branch',
  'revision',
  'previous',
  'range',
  'release',
  'author',
  'message',
  'by',
  'reason',
  'number',
  'duration',
  'servers',
  'link',
  'compare',
  'summary',
] as const;

export type NoticeVariable = (typeof NOTICE_VARIABLES)[number];
