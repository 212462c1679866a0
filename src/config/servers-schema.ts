// The keys of a server, and the list of them.
import { z } from 'zod';
import { variables } from './outside-schema.ts';
import { keys, text } from './schema-parts.ts';
import { serverZoneKeys } from './zones.ts';

export type ServerInput = z.output<typeof serversSchema>[number];

const serverObject = keys({
  name: text.optional().meta({
    description: 'What people call it; unique in its cluster.',
    'x-default': 'its host; on this machine the last part of its path',
  }),
  host: text.optional().meta({ description: 'Host name or address, reached by ssh.', 'x-default': 'none: a directory on this machine' }),
  port: z.int().min(1).max(65535).optional().meta({ description: 'Port of its sshd.', 'x-default': '22' }),
  user: text.optional().meta({ description: 'Account on it.', 'x-default': 'the one ssh would choose' }),
  path: text
    .optional()
    .meta({ description: 'Directory that holds `releases/`, `current` and `shared/`.', 'x-default': "the cluster's `path`" }),
  ...serverZoneKeys,
  variables: variables.meta({ description: "Variables for the templates of `files`, over the cluster's.", 'x-default': 'none' }),
});

export const serversSchema = z
  .array(z.union([text, serverObject], { error: 'must be "user@host:port" or an object with host, path, …' }))
  .min(1, 'must name at least one server')
  .meta({
    description: 'Its servers: `"deploy@web1.example.org"`, `"deploy@web[1-40].example.org:2222"` for forty of them, or objects.',
  });
