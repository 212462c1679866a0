// The keys of `layout`: how web servers come to the release if they do not serve `current`.
import { z } from 'zod';
import { keys, text } from './schema-parts.ts';

/** A link beside `current`. */
const linkName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'is not a plain name; letters, digits, ".", "-" and "_" are allowed, a letter or digit first')
  .refine(
    (name) => !['current', 'next', 'releases', 'shared', 'maintenance', 'maintenance.html', 'maintenance.json'].includes(name),
    'is a name that Lockstep uses itself',
  );

export const layoutSchema = keys({
  kind: z.literal('ab').meta({ description: 'Two links that web servers serve in turn.' }),
  a: linkName.default('production_a').meta({ description: "The one, in the server's `path`." }),
  b: linkName.default('production_b').meta({ description: 'The other one.' }),
  config: text.meta({
    description:
      "The web server's configuration on the servers, whose `root` names one of the two; a relative path counts from the server's `path`.",
  }),
  test: text
    .default('nginx -t')
    .meta({ description: 'Shell command that tests the changed configuration; if it fails, the old one is put back.' }),
  reload: text.default('nginx -s reload').meta({ description: 'Shell command that makes the web server read it.' }),
})
  .optional()
  .meta({ description: 'How web servers come to the release, see servers.md.', 'x-default': 'they serve `current`' });
