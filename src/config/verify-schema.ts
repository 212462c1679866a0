// The keys of `verify`: how the daemon finds out whether a release works.
import { z } from 'zod';
import { command } from './commands-schema.ts';
import { duration, keys, text } from './schema-parts.ts';

export type HttpCheckInput = z.output<typeof httpCheck>;

const httpCheckObject = keys({
  url: text.meta({ description: 'URL to ask for.' }),
  address: text.optional().meta({
    description: 'Where to connect instead, as `host:port`; the request still names the host of the URL: `{host}:8080`.',
    'x-default': "the URL's own host and port",
  }),
  status: z
    .int()
    .min(100)
    .max(599)
    .optional()
    .meta({ description: 'Status code of a good answer.', 'x-default': "the verification's `expect`" }),
  body: text.optional().meta({ description: 'Text that the body must hold.', 'x-default': 'any body' }),
  headers: z
    .record(z.string().regex(/^[A-Za-z0-9-]+$/, 'is not the name of a header'), text)
    .default({})
    .meta({
      description: 'Headers of the answer and text that each must hold.',
    }),
  latency: duration('1ms')
    .optional()
    .meta({ description: 'Longest time to the end of the answer.', 'x-default': 'the time limit of the check' }),
  when: z.enum(['before-switch', 'before-unlock', 'after-unlock']).default('after-unlock').meta({
    description:
      '`before-switch`: of the new release, where the web server shows it as `<path>/next`, before anything changes; `before-unlock`: behind the maintenance page, at an address that it does not cover; `after-unlock`: when users are back.',
  }),
  times: z.int().min(1).max(1000).default(1).meta({ description: 'How often it is asked in a row; more than once warms caches up.' }),
});

const httpCheck = z.union([text, httpCheckObject], { error: 'must be a URL or an object with url, address, status, body, …' });

export const verifySchema = keys({
  http: z
    .array(httpCheck)
    .default([])
    .meta({ description: 'URLs to ask each server for; in them `{host}`, `{server}`, `{release}` and `{revision}` are filled in.' }),
  cluster: z
    .array(httpCheck)
    .default([])
    .meta({ description: 'URLs to ask for once, when every server is well: the site as its users see it.' }),
  heartbeat: command('30s', 'Run on every server after unlocking; it must end with 0.'),
  expect: z.int().min(100).max(599).default(200).meta({ description: 'Status code of checks that name none.' }),
  timeout: duration('100ms').prefault('10s').meta({ description: 'How long a server has to become well.' }),
  watch: duration('0s').prefault('0s').meta({ description: 'For so long after that it must stay well; asked every two seconds.' }),
  log: text.optional().meta({
    description: "File on the servers, from the server's `path` (`shared/log/app.log`), whose end goes into the record of a failure.",
    'x-default': 'none',
  }),
})
  .optional()
  .meta({ description: 'Checks; a bad one takes the whole cluster back.', 'x-default': 'no checks' });
