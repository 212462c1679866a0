// The one import rule: every folder of src knows core and itself; daemon.ts and main.ts know everyone; core knows nothing.
// And each outside package has one home.
const homes = {
  express: ['http'],
  helmet: ['http'],
  execa: ['vcs', 'build'],
  'simple-git': ['vcs'],
  'node-svn-ultimate': ['vcs'],
  'fast-xml-parser': ['vcs'],
  rsync: ['transport'],
  chokidar: ['config'],
  'jsonc-parser': ['config'],
  zod: ['config', 'http'],
  winston: ['notify'],
  // The daemon's own journal, and the databases of users: two uses that have nothing in common but the library.
  'better-sqlite3': ['store', 'migrations'],
  pg: ['migrations'],
  mysql2: ['migrations'],
  'sql-parser-cst': ['migrations'],
  commander: ['cli'],
  nodemailer: ['notify'],
  'openid-client': ['people'],
  preact: ['page'],
  '@preact/signals': ['page'],
  uplot: ['page'],
};

module.exports = {
  forbidden: [
    {
      name: 'core-knows-nothing',
      comment: 'core is pure: no node:, no package, no other folder.',
      severity: 'error',
      from: { path: '^src/core/' },
      to: { pathNot: '^src/core/' },
    },
    {
      name: 'folders-know-core-and-themselves',
      comment: 'What two folders share belongs to core; what connects them belongs to daemon.ts.',
      severity: 'error',
      from: { path: '^src/([^/]+)/' },
      to: { path: '^src/', pathNot: ['^src/core/', '^src/$1/'] },
    },
    {
      name: 'nobody-knows-the-wiring',
      severity: 'error',
      from: { path: '^src/[^/]+/' },
      to: { path: '^src/(daemon|errands|main)\\.ts$' },
    },
    { name: 'no-circles', severity: 'error', from: {}, to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } } },
    { name: 'no-orphans', severity: 'error', from: { orphan: true, path: '^src/', pathNot: '[.]d[.]ts$' }, to: {} },
    ...Object.entries(homes).map(([name, folders]) => ({
      name: `home-of-${name}`,
      severity: 'error',
      from: { path: '^src/', pathNot: `^src/(${folders.join('|')})/` },
      to: { path: `node_modules/${name}/` },
    })),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      extensions: ['.ts', '.tsx', '.js'],
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
    },
  },
};
