// The page's own files: built by Vite into dist/page, also compressed; named by their content, and therefore kept by browsers for ever.
import { readFileSync } from 'node:fs';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Request, Response } from 'express';
import { notFound } from './route.ts';
import type { Context } from './route.ts';

/** What Vite's manifest says of one file (https://vite.dev/guide/backend-integration). */
type Entry = {
  readonly file: string;
  readonly src?: string;
  readonly isEntry?: boolean;
  readonly css?: readonly string[];
  readonly assets?: readonly string[];
};
type Asset = { readonly type: string; readonly body: Buffer; readonly gzip: Buffer };

const TYPES: Readonly<Record<string, string>> = {
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};
const DIRECTORY = new URL('../page/', import.meta.url);

let manifest: readonly Entry[] | null = null;
const assets = new Map<string, Asset>();

/** Tags for a document's head that load the page; empty where it has not been built: documents are readable without it. */
export function pageTags(): string {
  const entry = entries().find((one) => one.isEntry === true);
  if (entry === undefined) return '';
  const styles = (entry.css ?? []).map((file) => `<link rel="stylesheet" href="/assets/${file}">`);
  const icon = entries().find((one) => one.src === 'icons/ok.svg');
  if (icon !== undefined) styles.push(`<link rel="icon" type="image/svg+xml" href="/assets/${icon.file}">`);
  return `${styles.join('')}<script type="module" blocking="render" src="/assets/${entry.file}"></script>`;
}

/** Code and styles of the product are no secret: everybody may read them. */
export function sendAsset(_context: Context, request: Request, response: Response): void {
  const asset = assetNamed(String(request.params['file']));
  response.set({ 'Content-Type': asset.type, 'Cache-Control': 'public, max-age=31536000, immutable', Vary: 'Accept-Encoding' });
  if (request.acceptsEncodings('gzip') === 'gzip') response.set('Content-Encoding', 'gzip').send(asset.gzip);
  else response.send(asset.body);
}

/** Only what the manifest names is served; throws `not-found` for everything else. */
function assetNamed(name: string): Asset {
  const known = assets.get(name);
  if (known !== undefined) return known;
  const isOurs = entries().some(({ file, css = [], assets: others = [] }) => file === name || css.includes(name) || others.includes(name));
  const type = TYPES[extname(name)];
  if (!isOurs || type === undefined) throw notFound('There is nothing at this address.');
  const body = readFileSync(new URL(name, DIRECTORY));
  const asset = { type, body, gzip: readFileSync(new URL(`${name}.gz`, DIRECTORY)) };
  assets.set(name, asset);
  return asset;
}

function entries(): readonly Entry[] {
  if (manifest !== null) return manifest;
  try {
    manifest = Object.values(JSON.parse(readFileSync(fileURLToPath(new URL('manifest.json', DIRECTORY)), 'utf8')) as Record<string, Entry>);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    manifest = [];
  }
  return manifest;
}
