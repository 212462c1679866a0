// Builds the page into dist/page: files named by their content, and a manifest that tells the server which ones a document needs.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { defineConfig } from 'vite';

/** Each file once more, compressed as well as it goes: the daemon sends it as it lies there, and has nothing to do when browsers come. */
const compressed = {
  name: 'compressed',
  async writeBundle({ dir }, files) {
    for (const name of Object.keys(files)) {
      const whole = await readFile(join(dir, name));
      await writeFile(join(dir, `${name}.gz`), await promisify(gzip)(whole, { level: 9 }));
    }
  },
};

export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  base: '/assets/',
  logLevel: 'warn',
  publicDir: false,
  plugins: [compressed],
  build: {
    outDir: fileURLToPath(new URL('../../dist/page', import.meta.url)),
    emptyOutDir: true,
    assetsDir: '.',
    // The Content-Security-Policy knows no data: URLs.
    assetsInlineLimit: 0,
    manifest: 'manifest.json',
    target: 'es2022',
    modulePreload: { polyfill: false },
    rolldownOptions: { input: fileURLToPath(new URL('main.tsx', import.meta.url)) },
  },
});
