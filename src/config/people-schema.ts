// The keys of `people`: who may come in besides the owner, users and tokens, and with what.
import { z } from 'zod';
import { ROLES } from '../core/actor.ts';
import { keys, text, secretFile, secretVariable } from './schema-parts.ts';
import { isNetwork } from './values.ts';

export type PeopleInput = z.output<typeof peopleSchema>;

const network = z.string().refine(isNetwork, 'is not an address or a network such as "10.0.0.5" or "10.0.0.0/24"');
const header = z.string().regex(/^[A-Za-z0-9-]{1,64}$/, 'is not the name of a header');
const glob = z
  .string()
  .regex(/^[A-Za-z0-9._*-]{1,100}$/, 'is not a name or a glob of clusters; letters, digits, ".", "_", "-" and * are allowed');
const team = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}$/, 'is not a name of a team');

const origin = z
  .string()
  .regex(/^https?:\/\/[A-Za-z0-9.[\]:-]+\/?$/, 'is not an address such as "https://deploy.example.org"; no path, no user');

export const peopleSchema = keys({
  url: origin.optional().meta({
    description:
      'Where browsers reach the daemon, if that is another name than it listens at: `https://deploy.example.org`. OIDC needs it.',
    'x-default': 'the names of this machine',
  }),
  oidc: keys({
    issuer: text.meta({ description: "The provider's issuer, whose `/.well-known/openid-configuration` is read." }),
    clientId: text.meta({ description: 'What the provider knows Lockstep as.' }),
    clientSecret: z
      .union([secretFile, secretVariable], {
        error: 'must be {"file": "…"} or {"environment": "NAME"}; secrets never stand here',
      })
      .optional()
      .meta({ description: 'The secret that belongs to it, by reference.', 'x-default': 'none: a public client' }),
    name: text.default('preferred_username').meta({ description: 'Claim that says what somebody is called. It must be theirs alone.' }),
    groups: text.default('groups').meta({ description: 'Claim with the groups that somebody is in.' }),
    scopes: z
      .array(text)
      .default(['openid', 'profile', 'email'])
      .meta({ description: 'Scopes to ask for.', 'x-default': '`["openid", "profile", "email"]`' }),
  })
    .optional()
    .meta({ description: 'An OpenID Connect provider to sign in with.', 'x-default': 'none' }),
  proxy: keys({
    from: z
      .array(network)
      .min(1, 'must name at least one address')
      .meta({ description: 'Addresses and networks of the proxy. Nobody else is believed.' }),
    user: header.default('X-Forwarded-User').meta({ description: 'Header with the name.' }),
    groups: header.optional().meta({ description: 'Header with the groups, separated by commas.', 'x-default': 'none' }),
  })
    .optional()
    .meta({ description: 'A proxy in front that makes sure who somebody is. It must overwrite these headers.', 'x-default': 'none' }),
  groups: z
    .record(
      text,
      keys({
        role: z.enum(ROLES).meta({ description: 'What its members may.' }),
        clusters: z
          .array(glob)
          .min(1, 'must name at least one cluster')
          .default(['*'])
          .meta({ description: 'Clusters that the role is for, as globs.', 'x-default': '`["*"]`' }),
        teams: z.array(team).default([]).meta({ description: 'Teams that they belong to, for rules.', 'x-default': 'none' }),
      }),
    )
    .default({})
    .meta({
      description:
        'What people may whom the provider or the proxy vouches for, by group; the first that somebody is in decides, `*` is everybody. In none of them: not let in.',
      'x-default': 'nobody is let in',
    }),
})
  .optional()
  .meta({ description: 'Who may come in besides the owner, users and tokens.', 'x-default': 'nobody' });
