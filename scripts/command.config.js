// Joins the command's modules (dist/main.js and what it imports) into a few files in dist/command: opening several hundred took longer than all
// else that the daemon does before it answers. ES modules of packages come along; CommonJS is quick to load, and stays where npm has put it.
import { dirname, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

const DIST = fileURLToPath(new URL('../dist/', import.meta.url));
const COMMAND = `${DIST}command`;

/** Scripts and the page lie beside the modules that read them: those still see themselves where the compiler has put them. */
const place = {
  name: 'place',
  enforce: 'pre',
  transform(code, id) {
    if (!id.startsWith(DIST) || !code.includes('import.meta.url')) return null;
    return code.replaceAll('import.meta.url', `new URL(${JSON.stringify(relative(COMMAND, id))}, import.meta.url).href`);
  },
};

export default defineConfig({
  root: dirname(DIST),
  logLevel: 'warn',
  publicDir: false,
  plugins: [place],
  ssr: {
    noExternal: true,
    external: ['better-sqlite3', 'express', 'helmet', 'mysql2', 'node-svn-ultimate', 'pg', 'rsync', 'sql-parser-cst', 'winston'],
  },
  build: { ssr: `${DIST}main.js`, outDir: COMMAND, assetsDir: '.', emptyOutDir: true, target: 'node20' },
});
