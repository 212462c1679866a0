// The order of the suites: the longest first, so that no worker is left alone with one at the end. Jest knows how long they took the last time; in
// a fresh clone nobody has run them yet, and it would go by the size of the files.
import Sequencer from '@jest/test-sequencer';

/** Seconds on two calm cores, of those that take more than twenty. */
const KNOWN = {
  'e2e/crash': 330,
  'e2e/visitor': 108,
  'e2e/catch-up': 85,
  'transport/agent': 80,
  'docs/recipes': 68,
  'e2e/drift': 65,
  'page/connection': 60,
  'e2e/files': 60,
  'e2e/zones': 53,
  'e2e/ssh': 53,
  'page/page': 53,
  'core/lockstep': 53,
  'migrations/kill': 53,
  'http/forges': 52,
  'e2e/takeover': 51,
  'transport/kill': 51,
  'e2e/verification': 49,
  'e2e/hostile-names': 48,
  'e2e/ab-layout': 46,
  'page/people': 45,
  'vcs/git-mirror': 41,
  'e2e/secrets': 39,
  'e2e/promises': 37,
  'e2e/migrations': 37,
  'transport/connection': 36,
  'build/isolation': 36,
  'e2e/flood': 34,
  'e2e/failures': 33,
  'e2e/commit-commands': 30,
  'hooks/hooks': 29,
  'e2e/permissions': 26,
  'e2e/rollback': 26,
  'e2e/steering': 24,
  'e2e/commit-to-servers': 24,
  'http/crowd': 24,
  'transport/inspect': 23,
  'e2e/forges': 22,
};

export default class LongestFirst extends Sequencer {
  /** Those that nobody knows keep Jest's order, after the others. */
  sort(tests) {
    const seconds = ({ path, duration }) => (duration ?? 0) / 1_000 || (KNOWN[/([^/]+\/[^/]+)\.test\.ts$/.exec(path)?.[1] ?? ''] ?? 0);
    return super.sort(tests).sort((a, b) => seconds(b) - seconds(a));
  }
}
