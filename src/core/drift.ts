// Drift: what a server shows, compared with what the daemon put there, in words.
import type { Inspection } from './channel.ts';
import type { Cluster, DriftSettings } from './cluster.ts';
import { visibleLine } from './escape.ts';
import type { ClusterRecord, ReleaseRecord } from './records.ts';

/** One thing that is not as it should be. `isDrift` false: worth knowing, but nobody has changed anything. */
export type Finding = { readonly kind: FindingKind; readonly isDrift: boolean; readonly text: string };

export type FindingKind =
  'current' | 'record' | 'files' | 'changed' | 'added' | 'missing' | 'lock' | 'maintenance' | 'space' | 'clock' | 'rsync' | 'unreachable';

export const DRIFT_DEFAULTS: DriftSettings = { checkMs: 3_600_000, onDeploy: 'warn' };

/** Deployments that were requested by an older daemon have clusters without these settings. */
export const driftSettings = (cluster: { readonly drift?: DriftSettings }): DriftSettings => cluster.drift ?? DRIFT_DEFAULTS;

/** Clocks that differ by more make times in logs and of files misleading. */
const LARGEST_SKEW_MS = 5_000;
const LOW_BYTES = 100 * 1024 * 1024;
const LOW_INODES = 10_000;

/**
 * What the server should serve; `null`: the daemon cannot say. A server that was left out of the last deployment may serve any release
 * that it got before.
 */
export function expectedRelease(record: ClusterRecord, server: string, current: string | null): ReleaseRecord | null {
  const known = record.servers.find(({ name }) => name === server);
  if (known?.isBehind === false) return record.releases[0] ?? null;
  return record.releases.find((one) => one.id === current) ?? null;
}

/** The shared paths that a release was brought with; releases of an older daemon do not say. */
export const sharedOf = (release: ReleaseRecord, cluster: Cluster): Cluster['shared'] => release.shared ?? cluster.shared;

/** Where the server stands, and whether its release is the expected one, apart from the release's files. */
export function findingsOf(seen: Inspection, expected: ReleaseRecord | null): Finding[] {
  return [...(expected === null ? [] : pointerFindings(seen, expected)), ...lockFindings(seen), ...surroundings(seen)];
}

/** Does `current` point where it should, so that the release's files can be compared? */
export const servesExpected = (seen: Inspection, expected: ReleaseRecord): boolean =>
  seen.pointer === 'release' && seen.current === expected.id;

function pointerFindings(seen: Inspection, expected: ReleaseRecord): Finding[] {
  const drift = (kind: FindingKind, text: string): Finding[] => [{ kind, isDrift: true, text }];
  const should = `it should point to releases/${expected.id}`;
  switch (seen.pointer) {
    case 'none':
      return drift('current', `current is missing; ${should}`);
    case 'directory':
      return drift('current', `current is not a symbolic link; ${should}`);
    case 'elsewhere':
      return drift('current', `current points to ${visibleLine(seen.target ?? '')}, out of releases/; ${should}`);
    case 'gone':
      return drift('current', `current points to releases/${seen.current ?? ''}, which is not there; ${should}`);
    case 'release':
      if (seen.current !== expected.id) return drift('current', `current points to releases/${seen.current ?? ''}; ${should}`);
      if (seen.artifact === expected.artifact) return [];
      return drift(
        'record',
        `the record of release ${expected.id} in .lockstep/releases is ${seen.artifact === null ? 'missing' : 'another'}`,
      );
    default:
      return seen.pointer satisfies never;
  }
}

/** Asked only while no deployment of the cluster runs: then nobody has a reason to hold a lock. */
function lockFindings({ lock, lockLeftMs, maintenance }: Inspection): Finding[] {
  if (lock !== null) {
    const end = lockLeftMs > 0 ? 'it ends by itself within its time limit' : 'its time is over, and the next deployment ends it';
    return [{ kind: 'lock', isDrift: true, text: `locked by ${lock}, which is no running deployment; ${end}` }];
  }
  if (!maintenance) return [];
  const text = 'the file maintenance is there although nothing is locked: visitors see the maintenance page; remove it';
  return [{ kind: 'maintenance', isDrift: true, text }];
}

function surroundings({ freeBytes, freeInodes, skewMs, rsync }: Inspection): Finding[] {
  const warnings: [FindingKind, boolean, string][] = [
    ['space', freeBytes < LOW_BYTES, `only ${Math.floor(freeBytes / 1024 / 1024)} MiB are free; make room`],
    ['space', freeInodes < LOW_INODES, `only ${freeInodes} inodes are free; remove files`],
    ['clock', Math.abs(skewMs) > LARGEST_SKEW_MS, `its clock is ${skewText(skewMs)}; let NTP set it`],
    ['rsync', rsync === null, 'there is no rsync; install it'],
  ];
  return warnings.flatMap(([kind, isSo, text]) => (isSo ? [{ kind, isDrift: false, text }] : []));
}

/** `12 s ahead of this daemon's`. */
const skewText = (skewMs: number): string => `${Math.round(Math.abs(skewMs) / 1000)} s ${skewMs > 0 ? 'ahead of' : 'behind'} this daemon's`;

/** What was found in one line, always the same for the same state: marks and events carry it. `null`: no drift. */
export function shortFinding(findings: readonly Finding[]): string | null {
  const [first, ...others] = findings.filter(({ isDrift }) => isDrift);
  if (first === undefined) return null;
  return `${first.text.slice(0, 250)}${others.length === 0 ? '' : ` (and ${others.length} more)`}`;
}
