// GET /api/v1/clusters/:name/badge.svg: a cluster's state as a small picture for a README or a wall display.
import type { Request, Response } from 'express';
import { healthOf, SIGNS } from '../core/health.ts';
import type { Health, Tone } from '../core/health.ts';
import { escaped } from './markup.ts';
import { clusterIn, notFound } from './route.ts';
import type { Context } from './route.ts';

/** White text has a contrast of at least 4.5:1 on each. */
const COLOURS: Readonly<Record<Tone, string>> = { ok: '#157347', run: '#2357d9', warn: '#8f5700', bad: '#c0281f', idle: '#556070' };
const PADDING = 7;
const LONGEST = 40;

export async function showBadge({ application }: Context, request: Request, response: Response): Promise<void> {
  const view = await application.cluster(clusterIn(request));
  if (view === null) throw notFound('There is no such cluster.');
  const health = healthOf(view, await application.insight.last(view.cluster));
  response.set('Cache-Control', 'no-cache').type('image/svg+xml').send(badge(view.cluster, health));
}

export function badge(name: string, { tone, word }: Health): string {
  const label = short(name);
  const state = short(`${SIGNS[tone]} ${word}`);
  const [left, right] = [widthOf(label), widthOf(state)];
  const text = (x: number, words: string): string => `<text x="${x}" y="14" fill="#fff">${escaped(words)}</text>`;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${left + right}" height="20" role="img" aria-label="${escaped(`${label}: ${word}`)}"><title>${escaped(`${name}: ${word}`)}</title><clipPath id="r"><rect width="${left + right}" height="20" rx="4"/></clipPath><g clip-path="url(#r)"><rect width="${left}" height="20" fill="#30363f"/><rect x="${left}" width="${right}" height="20" fill="${COLOURS[tone]}"/></g><g font-family="DejaVu Sans,Verdana,sans-serif" font-size="11">${text(PADDING, label)}${text(left + PADDING, state)}</g></svg>
`;
}

const short = (text: string): string => (text.length > LONGEST ? `${text.slice(0, LONGEST - 1)}…` : text);

/** The fonts that will draw it are not known here: wide enough for the usual ones. */
const widthOf = (text: string): number => text.length * 7 + 2 * PADDING;
