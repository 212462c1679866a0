// The inspector: looks at one server, and says what is not as the daemon left it. Steps and the drift watch share it.
import type { Channel, Inspection, ReleaseShape } from '../core/channel.ts';
import type { Cluster } from '../core/cluster.ts';
import { differenceFindings } from '../core/differences.ts';
import { expectedRelease, findingsOf, servesExpected, sharedOf } from '../core/drift.ts';
import type { Finding } from '../core/drift.ts';
import { problemOf } from '../core/errors.ts';
import type { Inspect } from '../core/ports.ts';
import type { ReleaseRecord } from '../core/records.ts';
import { providedOn } from './shapes.ts';
import type { Shapes } from './shapes.ts';

/** Named for each server; by then a person has seen enough. */
const MOST_NAMED = 50;

/** A server that cannot be looked at is a finding, never a rejection. */
export function inspector(shapes: Shapes): Inspect {
  return async (channel, cluster, record, depth, signal) => {
    try {
      // The tree first: when it differs, nothing needs to be read to know that; and it is what the clocks are compared by.
      const seen = await channel.inspect('tree', signal);
      const expected = expectedRelease(record, channel.server.name, seen.current);
      const files =
        expected === null || !servesExpected(seen, expected) ? [] : await filesOf(channel, cluster, expected, seen, depth, shapes, signal);
      return { facts: seen, findings: [...findingsOf(seen, expected), ...files] };
    } catch (error) {
      return { facts: null, findings: [{ kind: 'unreachable', isDrift: true, text: problemOf(error).message }] };
    }
  };
}

async function filesOf(
  channel: Channel,
  cluster: Cluster,
  expected: ReleaseRecord,
  seen: Inspection,
  depth: 'tree' | 'content',
  shapes: Shapes,
  signal: AbortSignal,
): Promise<Finding[]> {
  const provided = await providedOn(channel, cluster, expected.id, signal);
  const shape = expected.artifact === null ? null : await shapes(expected.artifact, sharedOf(expected, cluster), provided);
  const note = (text: string): Finding[] => [{ kind: 'files', isDrift: false, text }];
  if (shape === null) return note(`the files of ${expected.id} were not compared: its artifact is no longer on the daemon's machine`);
  if (depth === 'tree') {
    if (seen.tree === null || seen.tree === shape.treeHash) return [];
    return [
      {
        kind: 'files',
        isDrift: true,
        text: `files of ${expected.id} differ from what was deployed; which ones: lockstep drift ${cluster.name}`,
      },
    ];
  }
  if (seen.tree === shape.treeHash && (await hasRightContents(channel, expected, shape, signal))) return [];
  const found = await channel.compare(expected.id, shape, 'content', signal);
  return differenceFindings(found, MOST_NAMED);
}

/** Most servers are well: their contents are compared by one hash, without sending the whole list to them. */
async function hasRightContents(channel: Channel, expected: ReleaseRecord, shape: ReleaseShape, signal: AbortSignal): Promise<boolean> {
  if (channel.server.transport === 'simulated') return true;
  const { current, content } = await channel.inspect('content', signal);
  return current === expected.id && content === shape.contentHash;
}
