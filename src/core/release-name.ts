// The name of a release: `project_env_version_branch_timestamp_author`, safe as a file name on every server.
import { safeName } from './safe-name.ts';

export type ReleaseParts = {
  readonly project: string;
  readonly environment: string;
  readonly version: string;
  readonly branch: string;
  /** When the artifact was sealed, milliseconds since 1970; the name keeps whole seconds. */
  readonly sealedAt: number;
  readonly author: string;
};

const PART_LIMIT = 40;
const NAME_LIMIT = 200;
/** Five parts of this length, the timestamp and the separators fit into NAME_LIMIT. */
const SHORT_PART_LIMIT = 35;

/**
 * Each part holds only letters, digits, `.` and `-`, and begins with a letter or digit. Slashes and spaces become `-`, as people would write
 * them; what had other characters or was longer than 40 ends with a hash. At most 200 characters. Throws RangeError for an impossible time.
 */
export function releaseName(parts: ReleaseParts): string {
  const name = joined(parts, PART_LIMIT);
  return name.length <= NAME_LIMIT ? name : joined(parts, SHORT_PART_LIMIT);
}

function joined(parts: ReleaseParts, limit: number): string {
  const part = (text: string): string => safeName(text.trim().replace(/[/\s]+/g, '-'), limit, 'dotted');
  return [
    part(parts.project),
    part(parts.environment),
    part(parts.version),
    part(parts.branch),
    timestamp(parts.sealedAt),
    part(parts.author),
  ].join('_');
}

/** `20261122T013000Z`: ISO 8601 basic format, UTC. */
function timestamp(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19).replaceAll('-', '').replaceAll(':', '')}Z`;
}

/** The parts as the name shows them (made safe); `null`: this is not the name of a release. */
export function parseReleaseName(name: string): ReleaseParts | null {
  if (name.length > NAME_LIMIT) return null;
  const [project, environment, version, branch, time, author, ...rest] = name.split('_');
  if (project === undefined || environment === undefined || version === undefined || branch === undefined) return null;
  if (time === undefined || author === undefined || rest.length > 0) return null;
  if (![project, environment, version, branch, author].every((part) => safeName(part, PART_LIMIT, 'dotted') === part)) return null;
  const sealedAt = parseTimestamp(time);
  return sealedAt === null ? null : { project, environment, version, branch, sealedAt, author };
}

function parseTimestamp(text: string): number | null {
  const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text);
  if (match === null) return null;
  const [, year, month, day, hour, minute, second] = match;
  const ms = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  return Number.isNaN(ms) || timestamp(ms) !== text ? null : ms;
}
