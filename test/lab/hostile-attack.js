// Hands hostile names to the daemon's own parts, which hand them to real git, svn, rsync and ssh; run under strace by the test beside it.
// Arguments: a directory that `prepare` has filled (hostile-ground.js). Prints one JSON object: how many of each kind were tried and how they ended.
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { contentLines, manifestText, releaseTree, treeLines } from '../../dist/core/manifest.js';
import { hookReader } from '../../dist/forge/hook-reader.js';
import { openTransport } from '../../dist/transport/open.js';
import { openVersionControl } from '../../dist/vcs/open.js';

const root = process.argv[2];
const given = JSON.parse(readFileSync(join(root, 'ground.json'), 'utf8'));
const counts = {};
const odd = [];
const signal = AbortSignal.timeout(300_000);

/** How it ended: `done`, or the code of a DeployError. Anything else is a bug, and told with its name. */
async function attempt(kind, name, work) {
  let end = 'done';
  try {
    await work();
  } catch (error) {
    end = typeof error?.code === 'string' && /^[a-z-]+$/.test(error.code) ? error.code : 'bug';
    if (end === 'bug') odd.push({ kind, name: name.slice(0, 200), error: String(error?.stack ?? error).slice(0, 500) });
  }
  if (kind.endsWith(' url') && end === 'done') console.error(`answered: ${JSON.stringify(name)}`);
  counts[kind] ??= { tried: 0 };
  counts[kind].tried += 1;
  counts[kind][end] = (counts[kind][end] ?? 0) + 1;
}

const repository = (name, type, url) => ({
  name,
  type,
  url,
  submodules: null,
  lfs: false,
  externals: null,
  username: null,
  passwordFile: null,
  identity: null,
  knownHosts: null,
  pollMs: 180_000,
  forge: null,
  hookSources: [],
});

const open = openVersionControl({ directory: join(root, 'data/repositories') });
let outs = 0;
const out = () => {
  const directory = join(root, 'out', String((outs += 1)));
  mkdirSync(directory, { recursive: true });
  return directory;
};

/** Git would take it, but somebody else's branch is in its way. */
const isPossible = (name) =>
  !/[\0-\x20\x7f~^:?*[\\]|\.\.|@\{|\/\/|^\/|\/$|\.$|\.lock(\/|$)|(^|\/)\./.test(name) && name !== '@' && name !== '';

async function gitRefs() {
  const vcs = open(repository('shop', 'git', given.git.url));
  const heads = await vcs.heads([], signal);
  counts['git ref, listed'] = { tried: heads.size };
  let fetched = 0;
  // Each that is fetched costs eight programs: some are enough, the longest list of the worst comes first. What nobody may hand to git costs none.
  for (const name of given.git.names) {
    const isListed = heads.has(name);
    if (isListed || isPossible(name)) fetched += 1;
    if (fetched > given.git.fetched && (isListed || isPossible(name))) continue;
    await attempt(isListed ? 'git ref, fetched' : 'git ref, refused', name, () => vcs.commit(name, given.git.revision, signal));
    if (isListed && fetched % 5 === 0) await vcs.export(name, given.git.revision, '.', out(), signal);
  }
  for (const name of given.git.revisions) await attempt('git revision', name, () => vcs.export('main', name, '.', out(), signal));
  for (const name of given.git.revisions.slice(0, 15))
    await attempt('git subdirectory', name, () => vcs.export('main', given.git.revision, name, out(), signal));
}

async function urls() {
  const rest = given.urls.flatMap((url, i) => [
    ['git', url, i],
    ['svn', url, i],
  ]);
  const work = async () => {
    for (let one = rest.pop(); one !== undefined; one = rest.pop()) {
      const [type, url, i] = one;
      await attempt(`${type} url`, url, async () => {
        await open(repository(`u${i}`, type, url)).heads(['trunk'], AbortSignal.timeout(10_000));
      });
    }
  };
  await Promise.all(Array.from({ length: 4 }, work));
}

async function svnPaths() {
  const vcs = open(repository('portal', 'svn', given.svn.url));
  const heads = await vcs.heads(['servers/{developer}'], signal);
  counts['svn path, listed'] = { tried: heads.size };
  let asked = 0;
  for (const name of given.svn.names) {
    if (heads.has(name) && (asked += 1) > given.svn.asked) continue;
    await attempt('svn path', name, () => vcs.commit(name, given.svn.revision, signal));
  }
  for (const name of given.svn.revisions) await attempt('svn revision', name, () => vcs.commit('trunk', name, signal));
  for (const name of given.svn.names.slice(0, 5))
    await attempt('svn export', name, () => vcs.export(name, given.svn.revision, '.', out(), signal));
}

const sha256 = (lines) => createHash('sha256').update(lines.join('')).digest('hex');
let operations = 0;

async function servers() {
  const runtime = join(root, 'r');
  mkdirSync(runtime);
  const transport = openTransport({ directory: join(root, 'data/ssh'), runtime });
  const { sshd, cluster, manifest, artifact } = given;
  const local = { name: 'web', transport: 'local', host: 'localhost', port: 22, user: null };
  const ssh = { name: 'web', transport: 'ssh', host: '127.0.0.1', port: sshd.port, user: sshd.user };
  const meet = async (kind, name, server, work = (channel) => channel.hello(AbortSignal.timeout(20_000))) =>
    attempt(kind, name, async () => {
      const channel = transport.channel(server, { epoch: 1, cluster });
      try {
        await work(channel);
      } finally {
        await channel.close();
      }
    });
  const base = join(root, 'servers');
  for (const host of given.hosts) await meet('ssh host', host, { ...ssh, host, path: join(base, 'h') });
  for (const user of given.hosts) await meet('ssh user', user, { ...ssh, user, path: join(base, 'u') });
  for (const [i, name] of given.paths.entries()) {
    await meet('path here', name, { ...local, path: join(base, `l${i}`, name) });
    await meet('path over ssh', name, { ...ssh, path: join(base, `s${i}`, name) });
  }

  // One release with all the names as files, by rsync over ssh and on this machine, and releases that are called like that.
  const tree = releaseTree(manifest, []);
  const files = tree.entries.filter((entry) => entry.type === 'file').map((entry) => entry.path);
  const seal = { files, content: sha256(contentLines(tree.entries)), tree: sha256(treeLines(tree)) };
  const id = sha256([manifestText(manifest)]);
  const bring = (release) => async (channel) => {
    const soon = AbortSignal.timeout(60_000);
    await channel.hello(soon);
    await channel.stage(`op${(operations += 1)}`, { release, artifact: id, base: null, remove: [], links: tree.links }, soon);
    await channel.send({ release, directory: artifact, files: null, except: tree.covered, repair: false }, soon);
    await channel.seal(`op${(operations += 1)}`, { release, artifact: id, ...seal }, soon);
  };
  counts['file by rsync'] = { tried: 2 * files.length };
  await meet('files here', 'all', { ...local, path: join(base, 'files') }, bring('r1'));
  await meet('files over ssh', 'all', { ...ssh, path: join(base, 'files-ssh') }, bring('r1'));
  for (const name of given.releases) await meet('release name', name, { ...local, path: join(base, 'releases') }, bring(name));
  await transport.close();
}

/** The hook door's reader takes them all in one delivery each, and keeps them as what they are: text. */
async function hooks() {
  for (const name of given.all) {
    await attempt('hook ref', name, () => {
      const body = Buffer.from(JSON.stringify({ refs: [{ ref: `refs/heads/${name}`, old: null, new: 'a'.repeat(40) }], actor: name }));
      hookReader.read({
        repository: 'shop',
        forge: null,
        headers: { 'webhook-id': 'x', 'webhook-signature': 'v1,x' },
        body,
        receivedAt: 0,
      });
    });
  }
}

await Promise.all(
  Object.entries({ gitRefs, urls, svnPaths, servers, hooks }).map(async ([name, part]) => {
    const start = performance.now();
    await part();
    console.error(`${name}: ${Math.round((performance.now() - start) / 1000)} s`);
  }),
);
console.log(JSON.stringify({ counts, odd }));
