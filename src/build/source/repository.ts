/**
 * A git repository as a tree of files: a layer that the build cache knows by the commit, so that what has not
 * changed costs one look at the remote's refs. Submodules are fetched by us and not by git's own script: each goes
 * through the same checks as the address that was typed.
 */
import { mkdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { CooperError } from "../../errors.ts";
import { digestOf, hexOf } from "../../oci/digest.ts";
import { cachedLayer } from "../../records/build-cache.ts";
import { OpenDirectory } from "../../system/tree-read.ts";
import type { BuildSession, BuiltTree } from "../session.ts";
import { seal } from "../steps/writable.ts";
import { type GitAccess, gitAccess } from "./git-access.ts";
import { type GitAddress, type GitRemote, resolveGitRemote } from "./git-address.ts";
import { git, gitStream } from "./git-command.ts";
import {
  chooseRef,
  type FoundRef,
  isCommitId,
  parseModules,
  parseTreeEntry,
  type TreeEntry,
} from "./git-refs.ts";

/** What of a repository is wanted, and by whom. */
export interface WantedRepository {
  readonly address: GitAddress;
  readonly keepsGitDir: boolean;
  /** Whether the caller typed the address, and no Dockerfile did. */
  readonly isOwn: boolean;
}

/** Another number, and no checkout that was kept before is found any more. */
const version = 1;

/** No honest tree comes near these; a hostile one names the same subtree again and again. */
const maxEntries = 2_000_000;
const maxBytes = 64 * 2 ** 30;
const maxDepth = 8;
const maxSubmodules = 1000;

/** Fetches it where it is not known yet. @param told what is said of it on the way */
export async function fetchRepository(
  session: BuildSession,
  wanted: WantedRepository,
  told: (line: string) => void,
): Promise<BuiltTree> {
  const { remote, ref, subdir, checksum, withSubmodules } = wanted.address;
  const access = await gitAccess(session, remote, wanted.isOwn);
  const found = await findRef(session, remote, access, ref);
  assertChecksum(found, checksum);
  const uri = `${remote.url}${ref === null ? "" : `#${ref}`}${subdir === "" ? "" : `${ref === null ? "#" : ""}:${subdir}`}`;
  const algorithm = found.commit.length === 40 ? "sha1" : "sha256";
  session.materials.push({ uri, digest: { [algorithm]: found.commit } });
  told(`${found.commit}\t${found.name}`);
  const keepsGitDir = wanted.keepsGitDir && subdir === "";
  const facts = [remote.url, found.commit, subdir, keepsGitDir && found.name, withSubmodules];
  const key = hexOf(digestOf(JSON.stringify([version, "git", ...facts])));
  const known = cachedLayer(session.host.database, key);
  if (known !== undefined) {
    session.bench.addStored(known.layerId);
    session.bench.reuse(key, known.layerId, known.createdAt);
    return { layers: [known.layerId] };
  }
  const directory = await checkOut(session, wanted, { remote, access, found, keepsGitDir });
  const tree = await seal(session, { layers: [] }, directory);
  const title = `git ${remote.url}${ref === null ? "" : `#${ref}`}`;
  session.bench.remember({ key, layerId: tree.layers[0] ?? "", title });
  return tree;
}

async function findRef(
  { signal, stage }: BuildSession,
  at: GitRemote,
  access: GitAccess,
  ref: string | null,
): Promise<FoundRef> {
  if (ref !== null && isCommitId(ref)) return { name: ref, commit: ref, object: ref };
  const wanted = ref ?? "HEAD";
  const listing = await git({
    args: ["ls-remote", "--", at.url, wanted, `${wanted}^{}`],
    cwd: stage.directory,
    remote: { at, access },
    signal,
  });
  const found = chooseRef(listing, ref);
  if (found !== undefined) return found;
  throw new CooperError(
    "no-such-object",
    ref === null
      ? `the repository ${at.url} is empty: its HEAD names no commit`
      : `repository ${at.url} does not contain ref ${ref}`,
    /^[0-9a-f]{4,39}$/.test(wanted) ? { hint: "a commit is named by its whole id" } : {},
  );
}

function assertChecksum({ commit, object }: FoundRef, checksum: string | null): void {
  if (checksum === null || commit.startsWith(checksum) || object.startsWith(checksum)) return;
  throw new CooperError("corrupt", `expected checksum to match ${checksum}, got ${commit}`);
}

/** A repository on its way to become files. */
interface Fetching {
  readonly remote: GitRemote;
  readonly access: GitAccess;
  readonly found: FoundRef;
  readonly keepsGitDir: boolean;
}

/** Resolves to a directory that has the files in `diff/`. */
async function checkOut(
  session: BuildSession,
  { address, isOwn }: WantedRepository,
  fetching: Fetching,
): Promise<string> {
  const { stage } = session;
  const work = stage.next("git");
  const tree = join(work, "tree");
  for (const path of [work, tree]) mkdirSync(path, { mode: 0o755 });
  const places: Places = { gitDir: join(fetching.keepsGitDir ? tree : work, ".git"), tree };
  await fetchCommit(session, places, fetching);
  const { subdir } = address;
  if (subdir !== "") await assertDirectory(session, places, fetching, subdir);
  const modules = await listTree(session, places, fetching.found.commit);
  await writeFiles(session, places, fetching.found.commit, subdir);
  if (address.withSubmodules) {
    const inside = modules.filter(({ path }) => subdir === "" || path.startsWith(`${subdir}/`));
    const walk = { session, isOwn, count: { left: maxSubmodules } };
    await addSubmodules(walk, places, fetching, inside, 1);
  }
  if (fetching.keepsGitDir) await tidyGitDir(session, places, fetching);
  const directory = stage.next("layer");
  mkdirSync(directory, { mode: 0o700 });
  moveDirectory(tree, subdir, join(directory, "diff"));
  rmSync(work, { recursive: true, force: true });
  return directory;
}

interface Places {
  readonly gitDir: string;
  readonly tree: string;
}

/** git on what has been fetched: it talks to nobody. */
function local(session: BuildSession, { gitDir, tree }: Places, ...args: string[]) {
  const all = [`--git-dir=${gitDir}`, `--work-tree=${tree}`, ...args];
  return { args: all, cwd: tree, remote: null, signal: session.signal };
}

const wantedRef = "refs/cooper/wanted";

/** Without history; a server that gives no single commits is asked for all of its branches. */
async function fetchCommit(
  session: BuildSession,
  places: Places,
  { remote: at, access, found }: Fetching,
): Promise<void> {
  await git(local(session, places, "init", "-q", "--template="));
  const fetch = (...args: string[]) =>
    git({
      ...local(session, places, "fetch", "-q", "--no-tags", "--force", ...args),
      remote: { at, access },
    });
  const one = ["--depth=1", "--", at.url, `+${found.name}:${wantedRef}`];
  try {
    await fetch(...one);
  } catch (error) {
    const mayHaveIt = error instanceof CooperError && error.code === "network";
    if (!mayHaveIt || !isCommitId(found.name) || session.signal.aborted) throw error;
    const everything = ["+refs/heads/*:refs/cooper/heads/*", "+refs/tags/*:refs/cooper/tags/*"];
    await fetch("--", at.url, ...everything);
  }
  const name = isCommitId(found.name) ? found.commit : wantedRef;
  const verify = local(session, places, "rev-parse", "-q", "--verify", `${name}^{commit}`);
  const commit = (await git(verify).catch(() => "")).trim();
  if (commit === found.commit) return;
  throw new CooperError(
    commit === "" ? "no-such-object" : "conflict",
    commit === ""
      ? `repository ${at.url} does not contain commit ${found.commit}`
      : `${found.name} of ${at.url} changed while it was fetched`,
    commit === "" ? {} : { hint: "build again" },
  );
}

/** Names of a tree are followed by git alone, which follows no links. */
async function assertDirectory(
  session: BuildSession,
  places: Places,
  { remote, found }: Fetching,
  subdir: string,
): Promise<void> {
  const kind = await git(
    local(session, places, "cat-file", "-t", `${found.commit}:${subdir}`),
  ).catch(() => "nothing");
  if (kind.trim() === "tree") return;
  throw new CooperError(
    "no-such-object",
    `repository ${remote.url} has no directory ${JSON.stringify(subdir)} at ${found.name}`,
  );
}

/** Looks at all names before any is written. Resolves to the submodules. */
async function listTree(
  session: BuildSession,
  places: Places,
  commit: string,
): Promise<TreeEntry[]> {
  const modules: TreeEntry[] = [];
  let [entries, bytes, rest] = [0, 0, ""];
  for await (const chunk of gitStream(local(session, places, "ls-tree", "-rlz", commit))) {
    const lines = (rest + Buffer.from(chunk).toString("latin1")).split("\0");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const entry = parseTreeEntry(Buffer.from(line, "latin1").toString());
      entries++;
      bytes += entry?.bytes ?? 0;
      if (entry?.mode === "160000") modules.push(entry);
    }
    if (entries > maxEntries || bytes > maxBytes)
      throw new CooperError("hostile", "the repository unpacks to more files than any source has");
  }
  return modules;
}

async function writeFiles(
  session: BuildSession,
  places: Places,
  commit: string,
  subdir: string,
): Promise<void> {
  await git(local(session, places, "read-tree", commit));
  await git(
    subdir === ""
      ? local(session, places, "checkout-index", "-q", "-a", "-f")
      : local(session, places, "checkout", "-q", "-f", "--", subdir),
  );
}

interface Walk {
  readonly session: BuildSession;
  readonly isOwn: boolean;
  readonly count: { left: number };
}

/** Those of submodules too. What belongs to the caller goes to no other host than the one he typed. */
async function addSubmodules(
  walk: Walk,
  places: Places,
  { remote, found }: Pick<Fetching, "remote" | "found">,
  modules: readonly TreeEntry[],
  depth: number,
): Promise<void> {
  if (modules.length === 0) return;
  walk.count.left -= modules.length;
  if (depth > maxDepth || walk.count.left < 0)
    throw new CooperError("hostile", `the submodules of ${remote.url} do not come to an end`);
  const { session } = walk;
  const blob = `--blob=${found.commit}:.gitmodules`;
  const listing = local(session, places, "config", "-z", "--list", blob);
  const urls = parseModules(await git(listing).catch(() => ""));
  for (const { path, object } of modules) {
    const at = moduleRemote(remote, path, urls.get(path));
    const isOwn = walk.isOwn && at.host === remote.host;
    const inner = {
      remote: at,
      access: await gitAccess(session, at, isOwn, remote.host),
      found: { name: object, commit: object, object },
      keepsGitDir: false,
    };
    const work = session.stage.next("git");
    mkdirSync(work, { mode: 0o755 });
    const innerPlaces = { gitDir: join(work, ".git"), tree: join(places.tree, path) };
    insideOf(places.tree, path)[Symbol.dispose]();
    await fetchCommit(session, innerPlaces, inner);
    const more = await listTree(session, innerPlaces, object);
    await writeFiles(session, innerPlaces, object, "");
    await addSubmodules({ ...walk, isOwn }, innerPlaces, inner, more, depth + 1);
    rmSync(work, { recursive: true, force: true });
  }
}

function moduleRemote(parent: GitRemote, path: string, url: string | undefined): GitRemote {
  const shown = `the submodule ${JSON.stringify(path)} of ${parent.url}`;
  const hint = "to leave submodules out: add ?submodules=false to the address";
  if (url === undefined)
    throw new CooperError("no-such-object", `${shown} has no URL in .gitmodules`, { hint });
  const remote = resolveGitRemote(parent, url);
  // a stranger's repository could name any of ours (CVE-2022-39253)
  if (remote.protocol === "file")
    throw new CooperError("hostile", `${shown} names a directory of this machine`, { hint });
  return remote;
}

/** What stays in `.git` is what the remote has, and nothing of how we came by it. */
async function tidyGitDir(
  session: BuildSession,
  places: Places,
  { remote, found }: Fetching,
): Promise<void> {
  const run = (...args: string[]) => git(local(session, places, ...args));
  const [, kind, short] = /^refs\/(heads|tags)\/(.+)$/.exec(found.name) ?? [];
  if (kind === "tags") await run("update-ref", found.name, found.object);
  else if (short !== undefined)
    await run("update-ref", `refs/remotes/origin/${short}`, found.commit);
  await run("update-ref", "--no-deref", "HEAD", found.commit);
  const refs = await run("for-each-ref", "--format=%(refname)", "refs/cooper");
  for (const ref of refs.split("\n")) if (ref !== "") await run("update-ref", "-d", ref);
  await run("config", "remote.origin.url", remote.url);
  await run("config", "remote.origin.fetch", "+refs/heads/*:refs/remotes/origin/*");
  await run("update-index", "-q", "--refresh").catch(() => ""); // submodules differ, as they must
  rmSync(join(places.gitDir, "FETCH_HEAD"), { force: true });
}

/** Goes down name by name, through directories alone. */
function insideOf(tree: string, path: string): OpenDirectory {
  let directory = OpenDirectory.at(tree);
  for (const part of path.split("/")) {
    using outer = directory;
    const next = outer.enter(Buffer.from(part).toString("latin1"));
    if (next === undefined)
      throw new CooperError("hostile", `${JSON.stringify(path)} of a repository is no directory`);
    directory = next;
  }
  return directory;
}

function moveDirectory(tree: string, subdir: string, target: string): void {
  if (subdir === "") return renameSync(tree, target);
  const at = subdir.lastIndexOf("/");
  using parent = at < 0 ? OpenDirectory.at(tree) : insideOf(tree, subdir.slice(0, at));
  const name = subdir.slice(at + 1);
  insideOf(tree, subdir)[Symbol.dispose]();
  renameSync(`/proc/self/fd/${parent.descriptor}/${name}`, target);
}
