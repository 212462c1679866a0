// The frame of pages that the server writes: they need no script, and look like something in both themes and on a telephone.
import { createHash } from 'node:crypto';
import { escaped } from './markup.ts';
import { pageTags } from './page-assets.ts';

/** Everything is below `.plain`: where a script draws the page instead, none of this is in its way. */
const STYLE = `
:root { color-scheme: light dark; }
.plain { --ground: #f5f6f8; --surface: #fff; --line: #dde1e8; --text: #1b222c; --muted: #556070; --accent: #2357d9; --ok: #157347; --run: #2357d9; --warn: #8f5700; --bad: #c0281f;
  background: var(--ground); color: var(--text); font: 16px/1.5 system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', Arial, sans-serif; margin: 0 auto; max-width: 72rem; min-height: 100vh; box-sizing: border-box; padding: 1.5rem 1rem; }
@media (prefers-color-scheme: dark) { .plain { --ground: #0d1117; --surface: #151b24; --line: #263041; --text: #e7ecf3; --muted: #9eabbd; --accent: #7ea6ff; --ok: #4cc88c; --run: #7ea6ff; --warn: #eab04d; --bad: #ff8b80; } }
body:has(> .plain) { margin: 0; }
.plain { box-shadow: 0 0 0 100vmax var(--ground); clip-path: inset(0 -100vmax); }
.plain h1 { font-size: 1.4rem; margin: 0 0 1rem; overflow-wrap: anywhere; }
.plain h2 { font-size: 1.05rem; margin: 1.6rem 0 .5rem; }
.plain a { color: var(--accent); }
.plain table { background: var(--surface); border: 1px solid var(--line); border-collapse: collapse; width: 100%; }
.plain th, .plain td { border-bottom: 1px solid var(--line); overflow-wrap: anywhere; padding: .45rem .7rem; text-align: left; vertical-align: top; }
.plain th { overflow-wrap: break-word; }
.plain thead th { color: var(--muted); font-size: .85rem; font-weight: 600; white-space: nowrap; }
.plain small, .plain .muted { color: var(--muted); }
.plain .ok { color: var(--ok); } .plain .run { color: var(--run); } .plain .warn { color: var(--warn); } .plain .bad { color: var(--bad); }
.plain .state { font-weight: 600; }
.plain .problem { background: var(--surface); border-left: .3rem solid var(--bad); margin: .6rem 0; overflow-wrap: anywhere; padding: .5rem .8rem; }
.plain dl { display: grid; gap: .2rem 1rem; grid-template-columns: max-content 1fr; margin: 0; }
.plain dt { color: var(--muted); } .plain dd { margin: 0; overflow-wrap: anywhere; }
.plain progress { width: 8rem; }
.plain nav { margin-bottom: 1rem; }
@media (max-width: 40rem) { .plain thead { display: none; } .plain tr { border-bottom: 1px solid var(--line); display: block; padding: .4rem 0; } .plain th, .plain td { border: 0; display: block; padding: .1rem .7rem; } .plain dl { grid-template-columns: 1fr; } .plain dd { margin-bottom: .4rem; } }
`;

/** What the Content-Security-Policy must allow for these pages to look like something. */
export const STYLE_HASH = `'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`;

export type Document = {
  readonly title: string;
  /** HTML, everything from outside escaped. */
  readonly body: string;
  /** Load it again after so many seconds (only where no script keeps it up to date); `null`: never. */
  readonly refreshSeconds: number | null;
  /** Answers to what the script will ask the API for, by path below /api/v1/: it need not ask. */
  readonly answers?: Readonly<Record<string, unknown>>;
};

/** `head`: further tags of ours; those that let the script take over, unless told otherwise. */
export function htmlDocument({ title, body, refreshSeconds, answers = {} }: Document, head = pageTags()): string {
  const refresh = refreshSeconds === null ? '' : `<noscript><meta http-equiv="refresh" content="${refreshSeconds}"></noscript>`;
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${escaped(title)}</title><style>${STYLE}</style>${refresh}${head}</head>
<body>
<main class="plain">
${body}
</main>
${head === '' ? '' : dataBlock(answers)}</body>
</html>
`;
}

/** Nothing that a browser would execute (HTML, 4.12.1: a data block), and nothing in it can end it. */
function dataBlock(answers: Readonly<Record<string, unknown>>): string {
  if (Object.keys(answers).length === 0) return '';
  return `<script type="application/json" id="answers">${JSON.stringify(answers).replaceAll('<', '\\u003c')}</script>\n`;
}

/** Rows of cells of HTML; the first cell of a row is its heading. */
export function htmlTable(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const head = titles.map((title) => `<th scope="col">${escaped(title)}</th>`).join('');
  const lines = rows.map(
    ([first = '', ...cells]) => `<tr><th scope="row">${first}</th>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`,
  );
  return `<table><thead><tr>${head}</tr></thead><tbody>\n${lines.join('\n')}\n</tbody></table>`;
}

export const htmlTime = (at: string | null): string =>
  at === null ? '' : `<time datetime="${escaped(at)}">${escaped(at.slice(0, 19).replace('T', ' '))} UTC</time>`;
