// The window of the newest events: bounded, shared by its readers, and in the words that each event had when it happened.
import { describe, expect, test } from '@jest/globals';
import { eventView } from '../../src/core/event-text.ts';
import type { EventView } from '../../src/core/views.ts';
import { createEventWindow, WINDOW } from '../../src/requests/event-window.ts';
import { deploy } from '../core/course-of-events.ts';
import { sampleCluster } from '../lab/samples.ts';

const unhindered = { pick: () => 0, failure: () => null, abort: () => false };

describe('the window of the newest events', () => {
  test('shows each event in the words that it had when it happened', () => {
    const window = createEventWindow();
    const views: EventView[] = [];
    const { deployment, journal } = deploy(sampleCluster(3), unhindered, (recorded, one) => {
      window.add([{ recorded, deployment: one }]);
      views.push(eventView(recorded, one));
    });
    const entries = window.after(0) ?? [];
    expect(window.views(entries)).toEqual(views);
    expect(window.views(entries)).toBe(window.views(window.after(0) ?? []));
    const cells = window.ofDeployment(deployment.number, entries);
    expect(cells.map(({ number }) => number)).toEqual(journal.map(({ number }) => number));
    expect(window.ofDeployment(deployment.number + 1, entries)).toEqual([]);
  });

  test('keeps no more than the newest, however many come, and a reader that is further behind is told so', () => {
    const window = createEventWindow();
    let most = 0;
    const last = 3 * WINDOW;
    for (let number = 1; number <= last; number++) {
      const event = { type: 'configuration-loaded', problem: null } as const;
      window.add([{ recorded: { number, at: number, deployment: null, event }, deployment: null }]);
      most = Math.max(most, window.size());
    }
    expect(most).toBeLessThanOrEqual(1.25 * WINDOW);
    expect(window.after(0)).toBeNull();
    expect(window.after(last - WINDOW)?.[0]?.number).toBe(last - WINDOW + 1);
    expect(window.after(last - 2)?.map(({ number }) => number)).toEqual([last - 1, last]);
    expect(window.after(last)).toEqual([]);
  });
});
