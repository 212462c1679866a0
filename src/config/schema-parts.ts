// The parts that all groups of keys are made of: objects that know their keys, one-line texts, paths, durations, secrets by reference.
import { z } from 'zod';
import { DURATION, hasControlCharacter, LONGEST_MS, parseDuration, relativePathProblem } from './values.ts';

/**
 * An object that knows its keys; keys that start with `x-` are the user's own and are left out. An unknown key's message is the list of
 * known ones (problems.ts makes a sentence and a suggestion of it).
 */
export function keys<Shape extends z.ZodRawShape>(shape: Shape) {
  const error: z.core.$ZodErrorMap = (issue) => (issue.code === 'unrecognized_keys' ? Object.keys(shape).join(' ') : undefined);
  return z.preprocess(withoutExtensions, z.strictObject(shape, { error }));
}

function withoutExtensions(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const own = Object.create(null) as Record<string, unknown>;
  for (const [key, member] of Object.entries(value)) if (!key.startsWith('x-')) own[key] = member;
  return own;
}

export const text = z
  .string()
  .min(1, 'must not be empty')
  .refine((value) => !hasControlCharacter(value), 'must not hold control characters or line breaks');

/** Inside a release or an export. */
export const relativePath = z.string().superRefine((value, context) => {
  const problem = relativePathProblem(value);
  if (problem !== null) context.addIssue({ code: 'custom', message: problem });
});

export const duration = (least: string) =>
  z
    .string()
    .regex(DURATION, { error: 'is not a duration; write a number and ms, s, m, h or d, such as "90s" or "5m"', abort: true })
    .refine((value) => parseDuration(value) >= parseDuration(least), `is too short; at least "${least}" is allowed`)
    .refine((value) => parseDuration(value) <= LONGEST_MS, 'is too long; at most "24d" is allowed')
    .transform(parseDuration)
    .meta({ 'x-type': 'duration' });

export const commandText = z
  .string()
  .min(1, 'must not be empty; leave the key out instead')
  .refine((value) => !value.includes('\0'), 'must not hold NUL');

export const secretFile = keys({
  file: text.meta({ description: 'File that holds it; a relative path counts from the configuration file.' }),
});

export const secretVariable = keys({
  environment: z
    .string()
    .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'is not a name of a variable; letters, digits and "_" are allowed')
    .meta({ description: "Variable of the daemon's environment." }),
});

/** A secret by reference: the file says where it stands. */
export const secretSource = z.union(
  [
    secretFile,
    secretVariable,
    keys({ command: commandText.meta({ description: "Command that prints it, run by `sh` on the daemon's machine." }) }),
  ],
  { error: 'must be {"file": "…"}, {"environment": "NAME"} or {"command": "…"}' },
);
