// Hostile text from commits, servers and the daemon: no command lets it reach the terminal (or forge a line of the log).
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { visible, visibleJson, visibleLine } from '../../src/core/escape.ts';
import { statistics } from '../../src/core/statistics.ts';
import { clusterView, endedView, overviewView, planView, run, startStandIn } from './stand-in.ts';
import type { StandIn } from './stand-in.ts';

const code = (from: number, to: number): string[] => Array.from({ length: to - from + 1 }, (_, i) => `a${String.fromCodePoint(from + i)}b`);

const PAYLOADS: readonly string[] = [
  ...code(0x00, 0x08),
  ...code(0x0b, 0x1f),
  ...code(0x7f, 0x9f),
  ...code(0x200e, 0x200f),
  ...code(0x2028, 0x202e),
  ...code(0x2066, 0x2069),
  'a\u061cb',
  'a\ud800b',
  'a\udc00',
  'fix\r✓ done',
  'fix\x1b[2J\x1b[H',
  'fix\x1b[31mred\x1b[0m',
  '\x1b]0;title\x07',
  '\x1b]8;;http://evil.example\x1b\\click\x1b]8;;\x1b\\',
  '\x1b]52;c;cm0gLXJmIC8=\x07',
  '\x1bP$q"p\x1b\\',
  '\x1b^private\x1b\\',
  '\x1b_app\x1b\\',
  '\x9b31mred',
  '\x9d0;title\x9c',
  '\x1b[6n',
  '\x1b[?1049h',
  '\x1b[1A\x1b[2K',
  'abc\b\b\bxyz',
  '\u202etxt.exe',
  'one\u2028two',
  'one\u0085two',
  '\x1bc',
  '\x0e\x0f',
  '\x1b(0lqk',
  // Every escape of two characters, every final character of a control sequence, and title strings of every kind.
  ...Array.from({ length: 0x7f - 0x20 }, (_, i) => `a\x1b${String.fromCharCode(0x20 + i)}b`),
  ...Array.from({ length: 0x7f - 0x40 }, (_, i) => `a\x1b[1;2${String.fromCharCode(0x40 + i)}b`),
  ...Array.from({ length: 50 }, (_, i) => `a\x1b]${i};text\x07b`),
];

/** Several at a time, so that all of them go through all commands quickly; each field of an answer gets the whole batch. */
const BATCHES = Array.from({ length: Math.ceil(PAYLOADS.length / 24) }, (_, i) => PAYLOADS.slice(i * 24, i * 24 + 24).join(' '));

/** What may be on a terminal: printable text, newline and tab. */
const clean = /^[^\p{Cc}\p{Cs}\p{Bidi_Control}\u2028\u2029]*$/u;

function expectClean(text: string, what: string): void {
  const found = text.replace(/[\n\t]/g, '');
  if (!clean.test(found)) throw new Error(`${what} lets something pass: ${JSON.stringify(text)}`);
}

let daemon: StandIn;

beforeAll(async () => {
  daemon = await startStandIn();
});

afterAll(() => daemon.stop());

describe('the escape functions', () => {
  test('there are more than three hundred payloads, and all become visible without losing the rest', () => {
    expect(PAYLOADS.length).toBeGreaterThanOrEqual(300);
    for (const payload of PAYLOADS) {
      expectClean(visible(payload), 'visible');
      expectClean(visibleLine(payload), 'visibleLine');
      const json = visibleJson({ payload }, 0);
      expectClean(json, 'visibleJson');
      expect(json.split('\n')).toHaveLength(1);
      expect(JSON.parse(json)).toEqual({ payload });
    }
  });

  test('newlines and tabs stay in text and are spelled out in a line; everything else stays as it is', () => {
    expect(visible('a\n\tb\x1b[1m\u202e')).toBe('a\n\tb\\x1b[1m\\u202e');
    expect(visibleLine('a\n\tb\r')).toBe('a\\n\\tb\\x0d');
    expect(visible('Ünï → “山” 👩‍👩‍👧 \\')).toBe('Ünï → “山” 👩‍👩‍👧 \\');
  });
});

describe('the commands', () => {
  const error = (message: string) => ({ status: 409, json: { error: { code: message, message } } });

  function answerWith(bad: string): void {
    const release = { id: bad, revision: bad, author: bad, message: bad, live: bad };
    const server = { name: bad, state: 'failed' as const, release: bad, error: bad, bytes: 1, carrier: bad, warning: bad };
    const cluster = clusterView(bad, {
      environment: bad,
      release,
      held: bad,
      locked: bad,
      branches: [{ repository: bad, branch: bad }],
      drifted: [{ server: bad, finding: bad, at: bad }],
      servers: [server, { ...server, name: `${bad}2` }],
    });
    const problem = { code: 'build' as const, message: bad, detail: bad };
    const words = { cluster: bad, repository: bad, branch: bad, revision: bad, author: bad, message: bad };
    const view = endedView({
      ...words,
      release: bad,
      previous: bad,
      reason: bad,
      problem,
      requestedBy: bad,
      result: 'failed',
      servers: [server],
    });
    daemon.answers.set('GET /api/v1/clusters', {
      json: overviewView([cluster], { configurationProblem: bad, storeProblem: bad, version: bad }),
    });
    daemon.answers.set('GET /api/v1/clusters/c', { json: cluster });
    daemon.answers.set('GET /api/v1/clusters/c/plan', {
      json: planView({ ...words, live: release, steps: [{ step: 'upload', what: bad }], servers: [bad], verdict: bad }),
    });
    daemon.answers.set('GET /api/v1/deployments/42', { json: view });
    daemon.answers.set('GET /api/v1/deployments?limit=20', { json: { deployments: [view] } });
    daemon.answers.set('GET /api/v1/deployments/42/log', { text: `${bad}\n${bad}` });
    const findings = [true, false].map((isDrift) => ({ kind: 'changed', isDrift, text: bad }));
    const drift = { json: { cluster: bad, release: bad, skipped: null, drift: true, servers: [{ name: bad, findings, facts: null }] } };
    daemon.answers.set('POST /api/v1/clusters/c/drift', drift);
    const figures = statistics([], { since: 0, until: 1, cluster: null });
    const total = { ...figures.total, deployments: 1 };
    const named = { cluster: bad, environment: bad, ...total };
    const slow = { cluster: bad, server: bad, times: 1, slowerByMs: 1 };
    const said = { ...figures, since: bad, until: bad, total, clusters: [named, named], slowest: [slow] };
    daemon.answers.set('GET /api/v1/statistics?since=90d', { json: said });
    daemon.answers.set('POST /api/v1/clusters/c/unlock', { json: { message: bad, deployment: null } });
    daemon.answers.set('POST /api/v1/clusters/c/deploy', error(bad));
  }

  const COMMANDS = [
    ['status'],
    ['status', 'c'],
    ['servers'],
    ['plan', 'c'],
    ['show', '42'],
    ['history'],
    ['wait', '42'],
    ['logs', '42'],
    ['unlock', 'c'],
    ['deploy', 'c'],
    ['drift', 'c'],
    ['statistics'],
    ['doctor'],
  ];

  test.each(COMMANDS)('%s %s lets no payload pass, as text and as JSON', async (...argv: string[]) => {
    const command = argv.filter((one) => typeof one === 'string');
    for (const bad of BATCHES) {
      answerWith(bad);
      const wiring = {
        checkConfiguration: () => Promise.resolve({ text: bad, warnings: [bad] }),
        checkServers: () => Promise.resolve([{ cluster: bad, server: bad, state: 'fail' as const, message: bad, remedy: bad }]),
        checkRepositories: () =>
          Promise.resolve({ results: [{ repository: bad, state: 'fail' as const, message: bad, remedy: bad }], branches: [] }),
      };
      // Programs are looked for nowhere: the doctor would start five of them many times.
      const options = { url: daemon.url, wiring, env: { NO_COLOR: '1', PATH: '/nonexistent' } };
      const text = await run(command, options);
      expectClean(text.stdout, `${command.join(' ')} (${JSON.stringify(bad)})`);
      expectClean(text.stderr, `${command.join(' ')} (${JSON.stringify(bad)})`);
      const json = await run([...command, '--json'], options);
      expectClean(json.stdout, `${command.join(' ')} --json`);
      expect(() => JSON.parse(json.stdout) as unknown).not.toThrow();
    }
  });

  test('what the person typed is not echoed raw either', async () => {
    for (const bad of PAYLOADS) {
      for (const argv of [[bad], ['status', `--${bad}`], ['show', bad], ['status', '--url', bad]]) {
        const { exit, stdout, stderr } = await run(argv, { url: daemon.url });
        expect(exit).toBe(2);
        expectClean(stdout + stderr, JSON.stringify(argv));
      }
    }
  });

  test('on a terminal the live block sends only its own codes', async () => {
    for (const bad of BATCHES) {
      answerWith(bad);
      const { stdout } = await run(['wait', '42'], { url: daemon.url, tty: true, env: { NO_COLOR: '1' } });
      expectClean(stdout.replace(/\r|\x1b\[(?:\?25[hl]|\d*[AJK])/g, ''), 'the block');
    }
  });
});
