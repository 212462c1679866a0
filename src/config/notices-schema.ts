// The keys of `notices` and of `report`: who is told of deployments outside.
import { z } from 'zod';
import { NOTICE_KINDS, NOTICE_STATES, NOTICE_VARIABLES, USUAL_STATES } from '../core/notice.ts';
import { duration, keys, secretSource, text } from './schema-parts.ts';
import { isNetwork } from './values.ts';

export type NoticesInput = z.output<typeof noticesSchema>;

const MOST_TARGETS = 100;

const network = z.string().refine(isNetwork, 'is not an address or a network such as "10.0.0.0/8" or "fd00::/8"');

const webAddress = z
  .string()
  .regex(
    /^https?:\/\/[^\s/?#@]+(\/[^\s?#]*)?$/,
    'is not an address such as "https://deploy.example.org"; no account, no "?" and no "#" are allowed',
  );

const code = (names: readonly string[]): string => names.map((name) => `\`${name}\``).join(', ');

const target = keys({
  kind: z.enum(NOTICE_KINDS).meta({ description: 'What it is.' }),
  clusters: z
    .array(text)
    .min(1, 'must name at least one cluster')
    .default(['*'])
    .meta({ description: 'Notices about these clusters only; `*` stands for any characters: `sandbox-*`.' }),
  states: z
    .array(z.enum(NOTICE_STATES))
    .min(1, 'must name at least one state')
    .optional()
    .meta({ description: 'What it is told.', 'x-default': code(USUAL_STATES) }),
  template: text
    .or(z.array(text).min(1))
    .optional()
    .meta({
      description: `The text, or its lines, with these \`{name}\`s filled in: ${code(NOTICE_VARIABLES)}. Their values are escaped for the target.`,
      'x-default': 'a text of its own',
    }),
  perMinute: z.int().min(1).max(600).optional().meta({
    description: 'At most so many messages a minute; what comes faster goes together into one.',
    'x-default': '18 for dingtalk, wecom and telegram, 60 for feishu, 30 for slack, teams and email, 600 for webhook',
  }),
  digest: duration('0s').prefault('0s').meta({
    description:
      'Notices wait so long for others and go as one message; failed, rolled-back and needs-operator never wait. Not for webhook.',
  }),
  url: secretSource
    .optional()
    .meta({ description: 'Where its URL stands (slack, teams, dingtalk, feishu, wecom, webhook). It is a secret.' }),
  secret: secretSource.optional().meta({
    description:
      'Where the secret stands that messages are signed with: of the robot (dingtalk, feishu), or `whsec_` and base64 (webhook).',
    'x-default': 'none: not signed',
  }),
  format: z
    .enum(['lockstep', 'cdevents'])
    .optional()
    .meta({ description: 'webhook: what is sent; `cdevents` is a CDEvent in a CloudEvent.', 'x-default': '`"lockstep"`' }),
  token: secretSource.optional().meta({ description: "telegram: where the bot's token stands." }),
  chat: text.optional().meta({ description: 'telegram: id of the chat, or `@name` of the channel.' }),
  api: webAddress
    .optional()
    .meta({ description: 'telegram: address of another server of its API.', 'x-default': '`"https://api.telegram.org"`' }),
  server: z
    .string()
    .regex(
      /^smtps?:\/\/[^\s/?#@:[\]]+(:\d{1,5})?$/,
      'is not an address such as "smtp://mail.example.org:587" or "smtps://mail.example.org"',
    )
    .optional()
    .meta({ description: 'email: the mail server: `smtp://host:587` (STARTTLS) or `smtps://host` (TLS).' }),
  user: text.optional().meta({ description: 'email: account on it.', 'x-default': 'none' }),
  password: secretSource.optional().meta({ description: "email: where the account's password stands.", 'x-default': 'none' }),
  from: text.optional().meta({ description: 'email: sender: `Lockstep <deploy@example.org>`.' }),
  to: z.array(text).min(1, 'must name at least one recipient').max(50).optional().meta({ description: 'email: recipients.' }),
});

const targetName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'is not a name; letters, digits, ".", "-" and "_" are allowed, a letter or digit first');

export const noticesSchema = keys({
  page: webAddress
    .optional()
    .meta({ description: 'Address under which people reach the daemon; links in messages begin with it.', 'x-default': 'no links' }),
  allow: z.array(network).max(1000).default([]).meta({
    description:
      'Addresses and networks that may be told something although they are private, also over plain http. Everything else must be public and https. Counts for `report` too.',
  }),
  targets: z
    .record(targetName, target)
    .default({})
    .refine((all) => Object.keys(all).length <= MOST_TARGETS, `are too many; at most ${MOST_TARGETS} are allowed`)
    .meta({ description: 'Who is told, by name (see docs/notices.md).', 'x-default': 'nobody' }),
})
  .prefault({})
  .meta({ description: 'Notices of deployments to people and programs outside.', 'x-default': 'none' });

export const reportSchema = keys({
  token: secretSource.meta({ description: 'Where the token for its API stands.' }),
  api: webAddress.optional().meta({ description: "Base address of the forge's API.", 'x-default': "from the repository's URL" }),
  project: z
    .string()
    .regex(/^[^\s/?#]+(\/[^\s/?#]+)+$/, 'is not a path such as "acme/shop"')
    .optional()
    .meta({ description: 'Path of the repository at the forge: `acme/shop`.', 'x-default': "from the repository's URL" }),
})
  .optional()
  .meta({ description: 'Git on a forge: it is told of deployments (see docs/notices.md).', 'x-default': 'it is not told' });
