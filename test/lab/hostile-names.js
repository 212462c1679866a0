// Names that somebody made up to be more than names: the worst that are known, and as many more as a seeded generator makes of them.

/** Every one of them tries to make a file whose name begins with this. */
export const CANARY = 'canary';

const COMMANDS = [
  `$(touch\${IFS}${CANARY})`,
  `\`touch\${IFS}${CANARY}\``,
  `;touch\${IFS}${CANARY};`,
  `|touch\${IFS}${CANARY}`,
  `&&touch\${IFS}${CANARY}&&`,
  `'"$(touch\${IFS}${CANARY})"'`,
  `'';touch\${IFS}${CANARY};''`,
  `>${CANARY}`,
  `\n touch ${CANARY}\n`,
  `%0atouch%20${CANARY}`,
  `{touch,${CANARY}}`,
  `$'\\x74ouch'\${IFS}${CANARY}`,
];

export const OPTIONS = [
  `--upload-pack=touch ${CANARY}`,
  `--upload-pack=touch\${IFS}${CANARY}`,
  `-u./${CANARY}`,
  `--exec=touch ${CANARY}`,
  `--output=${CANARY}`,
  `-o${CANARY}`,
  `-oProxyCommand=touch\${IFS}${CANARY}`,
  `-oPermitLocalCommand=yes`,
  `-F/tmp/${CANARY}`,
  `--config-dir=/tmp/${CANARY}`,
  `--config-option=config:tunnels:ssh=touch ${CANARY}`,
  `--rsh=touch ${CANARY}`,
  `-e touch ${CANARY}`,
  `--rsync-path=touch ${CANARY}`,
  `--files-from=/etc/passwd`,
  `--write-batch=${CANARY}`,
  `--orphan=${CANARY}`,
  `--end-of-options`,
  '--',
  '-',
];

const TRICKS = [
  '../../../../tmp/',
  '..',
  '.',
  '/etc/passwd',
  '.git/hooks/post-checkout',
  '.GIT/config',
  'git~1',
  '.g\u200cit',
  '.git::$INDEX_ALLOCATION',
  'refs/heads/../../config',
  '@{-1}',
  '@{upstream}',
  'HEAD',
  '@',
  'a@7',
  '@HEAD',
  'a@{1}',
  'a..b',
  'a:b',
  '^a',
  '~1',
  'a.lock',
  '*',
  '[a-z]',
  '?',
  '\\',
  '%s%n',
  '%2e%2e%2f',
  '%00',
  '\0',
  '\r\nX: y',
  '\u001b[2J',
  '\u202egpj.',
  '\u2028',
  '\ufeff',
  'é\u0301',
  '😀',
  '\ud800',
  '__proto__',
  'constructor',
  'x'.repeat(300),
  'y/'.repeat(600),
  'z'.repeat(5000),
];

/** Numbers below `limit`, always the same for one seed (mulberry32). */
export function random(seed) {
  let state = seed;
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % limit;
  };
}

/** `count` different names: all of the worst first, then what comes of putting parts of them together. */
export function hostileNames(count, seed) {
  const parts = [...OPTIONS, ...COMMANDS, ...TRICKS];
  const next = random(seed);
  const pick = (from) => from[next(from.length)];
  const names = new Set(parts);
  while (names.size < count) {
    const glue = pick(['', '', '/', '-', '@', '.', '=']);
    const made = [
      pick(['', 'servers/', 'a', '-', '--']),
      pick(parts).slice(0, 200),
      glue,
      pick(COMMANDS),
      pick(['', '', pick(parts).slice(0, 50)]),
    ];
    names.add(made.join('') + (next(3) === 0 ? String(next(1000)) : ''));
  }
  return [...names].slice(0, count);
}

/** URLs that smuggle a name in wherever a URL has room for one. */
export function hostileUrls(count, seed) {
  const next = random(seed);
  const shapes = [
    (name) => name,
    (name) => `ext::sh -c ${name}`,
    (name) => `ext::${name}`,
    () => 'fd::17,18/foo',
    (name) => `ssh://${name}/shop.git`,
    (name) => `ssh://${name}@127.0.0.1:1/shop.git`,
    (name) => `ssh://127.0.0.1:1/${name}`,
    (name) => `ssh://127.0.0.1:${name}/shop.git`,
    (name) => `${name}@127.0.0.1:shop.git`,
    (name) => `${name}:shop.git`,
    (name) => `git@127.0.0.1:${name}`,
    (name) => `file://${name}`,
    (name) => `file:///nowhere/${name}`,
    (name) => `/nowhere/${name}`,
    (name) => `http://127.0.0.1:1/${name}`,
    (name) => `http://${name}/shop.git`,
    (name) => `http://ann:${name}@127.0.0.1:1/`,
    (name) => `git://127.0.0.1:1/${name}`,
    (name) => `svn://127.0.0.1:1/${name}`,
    (name) => `svn://${name}/portal`,
    (name) => `svn+ssh://${name}/portal`,
    (name) => `svn+ssh://${name}@127.0.0.1:1/portal`,
    (name) => `svn+ssh://127.0.0.1:1/${name}`,
    (name) => `svn+touch://${name}`,
    (name) => `gopher://127.0.0.1:1/${name}`,
    (name) => `transport::address/${name}`,
    (name) => `\n${name}`,
  ];
  const names = hostileNames(count, seed + 1);
  return names.map((name, i) => shapes[i % shapes.length](next(4) === 0 ? name : name.slice(0, 120)));
}
