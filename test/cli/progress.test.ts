// Following a deployment: the block on a terminal, the lines when piped, and what happens when the daemon goes away meanwhile.
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { DeploymentView, StepView } from '../../src/core/views.ts';
import { createProgressLines } from '../../src/cli/progress-lines.ts';
import { createProgressState } from '../../src/cli/progress-state.ts';
import { until } from '../lab/until.ts';
import { deploymentView, endedView, eventView, run, startStandIn, stepViews } from './stand-in.ts';
import type { Outcome, Paper, RunOptions, StandIn } from './stand-in.ts';
import { screenOf } from './terminal.ts';

let daemon: StandIn;
let view: DeploymentView;

beforeEach(async () => {
  daemon = await startStandIn();
  view = deploymentView();
  daemon.answers.set('GET /api/v1/deployments/42', () => view);
});

afterEach(() => daemon.stop());

const viewFetches = (): number => daemon.requests.filter(({ path }) => path === '/api/v1/deployments/42').length;

/** Starts following; resolves when the event stream is open. */
async function follow(options: RunOptions = {}, argv = ['wait', '42']): Promise<{ done: Promise<Outcome>; stdout: Paper }> {
  let stdout: Paper | undefined;
  const done = run(argv, { url: daemon.url, ...options, watch: (paper) => (stdout = paper) });
  await until(() => daemon.streams.size > 0 && viewFetches() > 1, { what: 'the event stream and the look after it' });
  return { done, stdout: stdout as unknown as Paper };
}

const end = (more: Partial<DeploymentView> = {}): void => {
  view = endedView(more);
  daemon.emit(eventView({ type: 'finished', step: 'verify', server: 'web3' }));
};

describe('on a terminal', () => {
  const terminal = { tty: true, columns: 100, env: { NO_COLOR: '1' } };

  test('a block shows each step with glyph, word, count, time and the slowest server, and is redrawn in place', async () => {
    const { done, stdout } = await follow(terminal);
    daemon.emit(eventView({ type: 'started', server: 'web2' }), eventView({ type: 'started', server: 'web3' }));
    await until(() => screenOf(stdout.text).lines.some((line) => line.includes('slowest web2')), { what: 'the slowest server' });
    const { lines, cursor } = screenOf(stdout.text);
    expect(cursor).toBe(false);
    expect(lines[0]).toBe('deployment 42 production ← servers/production 1a2b3c4 “Fix the cart” by Ann Lee');
    expect(lines[1]).toMatch(/^ {2}✓ build {5}1\/1 +1\.0 s$/);
    expect(lines[3]).toMatch(/^ {2}▸ upload {4}█{6}░{14} {2}1\/3 +\d+ s {2}about \d+ s left, slowest web2 \d\.\d s$/);
    expect(lines[4]).toBe('  · lock');
    expect(lines[9]).toMatch(/^ {2}uploading, \d+ s elapsed, 3 servers$/);
    end();
    const { exit, stderr } = await done;
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
    const after = screenOf(stdout.text);
    expect(after.cursor).toBe(true);
    expect(after.lines.filter((line) => line.startsWith('deployment 42 production'))).toHaveLength(1);
    expect(after.lines[8]).toMatch(/✓ verify/);
    expect(after.lines[10]).toMatch(/^deployment 42 done after \d+ s: production serves shop_production_2 on 3 servers$/);
  });

  test('servers that finish are counted at once, and the next look at the deployment corrects the count', () => {
    const state = createProgressState();
    state.apply(deploymentView());
    const uploads = (): number | undefined => state.steps()[2]?.done;
    state.note(eventView({ step: 'upload', server: 'web2' }));
    expect(uploads()).toBe(2);
    for (const server of ['web1', 'web2', 'web3']) state.note(eventView({ step: 'upload', server }));
    expect(uploads()).toBe(3);
    state.apply(deploymentView());
    expect(uploads()).toBe(1);
    state.note(eventView({ step: 'lock', server: 'web2' }));
    expect(uploads()).toBe(1);
  });

  test('it is drawn at most ten times a second however many events come', async () => {
    const { done, stdout } = await follow(terminal);
    const frames = (): number => stdout.text.split('\x1b[J').length - 1;
    const before = { frames: frames(), at: Date.now() };
    for (let i = 0; i < 3000; i++) daemon.emit(eventView({ type: i % 2 === 0 ? 'started' : 'finished', server: `web${i % 7}` }));
    await until(() => frames() > before.frames + 3, { what: 'some frames' });
    expect(frames() - before.frames).toBeLessThanOrEqual(2 + (Date.now() - before.at) / 95);
    expect(viewFetches()).toBeLessThan(12);
    end();
    await done;
  });

  test('the same failure on 900 of 1,000 servers is one line with three names', async () => {
    const { done, stdout } = await follow(terminal);
    view = deploymentView({
      steps: stepViews(1000, 2, 100),
      servers: Array.from({ length: 1000 }, (_, i) => ({
        ...deploymentView().servers[0]!,
        name: `web${i}`,
        error: i < 900 ? `upload to web${i} failed: rsync exited 12 after ${i} s` : null,
      })),
    });
    daemon.emit(eventView({ type: 'failed', server: 'web0' }));
    await until(() => stdout.text.includes('900 servers'), { what: 'the failures' });
    const { lines } = screenOf(stdout.text);
    expect(lines.filter((line) => line.includes('✗'))).toEqual([
      '  ✗ 900 servers (web0, web1, web2, …): upload to web0 failed: rsync exited 12 after 0 s',
    ]);
    end();
    await done;
  });

  test('no line is wider than the window, and the cursor comes back on Ctrl-C with a word about what goes on', async () => {
    const controller = new AbortController();
    view = deploymentView({ message: '山'.repeat(300), branch: 'b'.repeat(300) });
    const { done, stdout } = await follow({ ...terminal, columns: 60, signal: controller.signal });
    await until(() => stdout.text.includes('uploading,'), { what: 'the block' });
    const widths = screenOf(stdout.text).lines.map((line) => Array.from(line).reduce((sum, one) => sum + (one === '山' ? 2 : 1), 0));
    expect(Math.max(...widths)).toBeLessThan(60);
    controller.abort();
    expect(await done).toMatchObject({
      exit: 130,
      stderr: 'lockstep: No longer following; deployment 42 goes on. See it again: lockstep wait 42. Stop it: lockstep abort 42\n',
    });
    expect(screenOf(stdout.text).cursor).toBe(true);
  });

  test('a terminal that says it has no columns is taken to have 80', async () => {
    const { done } = await follow({ ...terminal, columns: 0 });
    end();
    expect((await done).stdout).toContain('deployment 42 production ← servers/production 1a2b3c4 “Fix the cart” by Ann Lee');
  });

  test('colour is used unless NO_COLOR says no', async () => {
    const { done, stdout } = await follow({ ...terminal, env: {} });
    await until(() => stdout.text.includes('\x1b[32m'), { what: 'colour' });
    end();
    await done;
  });

  test('a dumb terminal gets plain lines', async () => {
    const { done } = await follow({ ...terminal, env: { TERM: 'dumb' } });
    end();
    expect((await done).stdout).not.toContain('\x1b');
  });

  test('a deployment that needs an operator says what settles it', async () => {
    const { done, stdout } = await follow(terminal);
    view = deploymentView({ state: 'needs-operator', problem: { code: 'ambiguous', message: 'migrate may have half run', detail: null } });
    daemon.emit(eventView({ type: 'failed', step: 'migrate', server: null }));
    await until(() => stdout.text.includes('lockstep migration mark-done 42'), { what: 'the commands' });
    expect(screenOf(stdout.text).lines.join('\n')).toContain('  ! needs an operator: migrate may have half run');
    end();
    await done;
  });
});

describe('piped', () => {
  test('one plain line for each step that begins or ends, and a summary', async () => {
    const { done } = await follow();
    view = deploymentView({ state: 'locking', steps: stepViews(3, 3) });
    daemon.emit(eventView({ type: 'started', step: 'lock', server: 'web1' }));
    await until(() => viewFetches() > 2, { what: 'a look at the change of the step' });
    end();
    const { exit, stdout } = await done;
    expect(exit).toBe(0);
    expect(stdout.split('\n').map((line) => line.replace(/\d+(\.\d)? s\b/, 'T'))).toEqual([
      'deployment 42 production ← servers/production 1a2b3c4 “Fix the cart” by Ann Lee',
      'build done 1/1 after T',
      'schedule done 3/3 after T',
      'upload began (3 servers)',
      'upload done 3/3 after T',
      'lock began (3 servers)',
      'lock done 3/3 after T',
      'switch done 3/3 after T',
      'migrate done 1/1 after T',
      'unlock done 3/3 after T',
      'verify done 3/3 after T',
      'deployment 42 done after T: production serves shop_production_2 on 3 servers',
      '',
    ]);
  });

  test('a thousand servers that fail one after the other are a dozen lines', () => {
    const lines: string[] = [];
    const watcher = createProgressLines((line) => lines.push(line));
    const servers = Array.from({ length: 1000 }, (_, i) => ({
      ...deploymentView().servers[0]!,
      name: `web${i}`,
      error: null as string | null,
    }));
    for (let i = 0; i < 1000; i++) {
      servers[i]!.error = `connect to web${i} failed: connection refused`;
      watcher.view(deploymentView({ servers }));
    }
    watcher.view(endedView({ servers, result: 'failed' }));
    const failures = lines.filter((line) => line.startsWith('failed: '));
    expect(failures.length).toBeLessThan(13);
    expect(failures[0]).toBe('failed: web0: connect to web0 failed: connection refused');
    expect(failures.at(-1)).toBe('failed: 1000 servers (web0, web1, web2, …): connect to web0 failed: connection refused');
  });

  test('going back has its own lines', () => {
    const lines: string[] = [];
    const watcher = createProgressLines((line) => lines.push(line));
    const back: StepView = { ...stepViews(3, 4)[4]!, direction: 'back', done: 3, state: 'failed', finishedAt: null };
    watcher.view(deploymentView({ state: 'rolling-back', steps: [...stepViews(3, 8), back] }));
    expect(lines.at(-1)).toBe('switch back failed 3/3');
  });
});

describe('the end', () => {
  test.each([
    [{ result: 'done' as const }, 0, /^deployment 42 done after/m],
    [{ result: 'superseded' as const, supersededBy: 43 }, 1, /^deployment 42 was superseded by 43, .*\. Follow it: lockstep wait 43$/m],
    [
      { result: 'failed' as const, problem: { code: 'build' as const, message: 'npm ci exited 1', detail: null } },
      1,
      /^deployment 42 failed after .*: npm ci exited 1\. More: lockstep show 42$/m,
    ],
    [{ result: 'aborted' as const, reason: 'aborted by ann' }, 1, /^deployment 42 aborted after .*: aborted by ann\. More/m],
    [{ result: 'rolled-back' as const, reason: 'web1 answered 500' }, 1, /^deployment 42 rolled back after .*: web1 answered 500\. More/m],
  ])('%j gives exit %i, also with --json', async (more, exit, line) => {
    view = endedView(more);
    const text = await run(['wait', '42'], { url: daemon.url });
    expect(text.exit).toBe(exit);
    expect(text.stdout).toMatch(line);
    const json = await run(['wait', '42', '--json'], { url: daemon.url, tty: true });
    expect(json.exit).toBe(exit);
    expect(JSON.parse(json.stdout)).toEqual(view);
  });

  test('deploy --wait follows what it began and prints only the final deployment with --json', async () => {
    daemon.answers.set('POST /api/v1/clusters/production/deploy', {
      status: 202,
      json: { message: 'Deployment 42 begins.', deployment: 42 },
    });
    const { done } = await follow({}, ['deploy', 'production', '--wait', '--json']);
    end();
    const { exit, stdout, stderr } = await done;
    expect({ exit, stderr, document: JSON.parse(stdout) as unknown }).toEqual({ exit: 0, stderr: '', document: view });
  });

  test('deploy --wait of what is live already is done at once', async () => {
    daemon.answers.set('POST /api/v1/clusters/production/deploy', { status: 202, json: { message: 'Live already.', deployment: null } });
    expect(await run(['deploy', 'production', '--wait'], { url: daemon.url })).toEqual({ exit: 0, stdout: 'Live already.\n', stderr: '' });
  });

  test('a deployment that does not exist is exit 1', async () => {
    daemon.answers.set('GET /api/v1/deployments/99', {
      status: 404,
      json: { error: { code: 'not-found', message: 'There is no deployment 99.' } },
    });
    expect(await run(['wait', '99'], { url: daemon.url })).toEqual({
      exit: 1,
      stdout: '',
      stderr: 'lockstep: There is no deployment 99.\n',
    });
  });
});

describe('the connection', () => {
  test('a broken stream is taken up after the last event, and the deployment is looked at again', async () => {
    const { done } = await follow();
    const event = eventView();
    daemon.emit(event);
    await until(() => viewFetches() > 1, { what: 'the event' });
    // The stream that was read is broken only once its event has arrived; the answer to a ping shows that.
    const before = viewFetches();
    daemon.ping();
    await until(() => viewFetches() > before, { what: 'the look after a ping' });
    daemon.breakStreams();
    await until(() => daemon.requests.some(({ lastEventId }) => lastEventId === String(event.id)), { what: 'Last-Event-ID' });
    await until(() => daemon.streams.size > 0);
    view = endedView();
    daemon.ping();
    const { exit, stdout } = await done;
    expect(exit).toBe(0);
    expect(stdout).toContain('Trying again; the deployment does not depend on it.\nthe daemon answers again\n');
  });

  test('the end is seen although no event tells of it, because a new connection looks', async () => {
    const { done } = await follow();
    view = endedView();
    daemon.breakStreams();
    expect((await done).exit).toBe(0);
  });

  test('a daemon that is started anew is waited for', async () => {
    const { done } = await follow();
    const port = Number(new URL(daemon.url).port);
    await daemon.stop();
    daemon = await startStandIn(port);
    view = endedView();
    daemon.answers.set('GET /api/v1/deployments/42', () => view);
    expect((await done).exit).toBe(0);
  });

  test('a token that is no longer good ends it', async () => {
    const { done } = await follow();
    daemon.answers.set('GET /api/v1/events', { status: 401, json: { error: { code: 'unauthorized', message: 'no' } } });
    daemon.breakStreams();
    const { exit, stderr } = await done;
    expect(exit).toBe(1);
    expect(stderr).toContain('the token of LOCKSTEP_TOKEN was sent');
  });

  test('events of other deployments cost nothing', async () => {
    const { done } = await follow();
    const before = viewFetches();
    for (let i = 0; i < 50; i++) daemon.emit(eventView({ deployment: 7 }));
    end();
    await done;
    expect(viewFetches() - before).toBeLessThanOrEqual(2);
  });
});
