/** The context of a build as a tar: what its ignore file lets through, and the Dockerfile. */
import { readFileSync, type Stats, statSync } from "node:fs";
import { relative, resolve } from "node:path";
import type { BuildOptions } from "../build/build.ts";
import { findDockerfile, ignoreOf } from "../build/context/dockerfile.ts";
import { type MadeEntry, packCopy } from "../build/context/pack.ts";
import { pick, type SourceTree } from "../build/context/tree.ts";
import { isIgnored, parseIgnore } from "../build/ignore.ts";
import { CooperError } from "../errors.ts";
import { compressionOf, unsupportedCompressionOf } from "../layer/decompress.ts";
import { randomHex } from "../system/random.ts";
import { readInRoot } from "../system/rooted.ts";

export interface SentContext {
  /** null: the other engine fetches it. */
  readonly body: AsyncIterable<Uint8Array> | null;
  /** Its URL. */
  readonly remote: string | null;
  /** Its path in the tar; null: the usual one. */
  readonly dockerfile: string | null;
}

const maxIgnoreBytes = 8 << 20;

/** @throws CooperError that says what is not there */
export async function sentContext(options: BuildOptions): Promise<SentContext> {
  const { context, file, ignoreFile } = options;
  // whatever a URL, a tar or standard input holds is for the other engine to read
  const isElsewhere = /^[a-z][a-z0-9+.-]*:\/\/|^git@|^github\.com\//i.test(context);
  if (ignoreFile !== null && (isElsewhere || !isDirectory(context)))
    throw new CooperError(
      "not-supported",
      "--ignorefile goes with a directory: what is read by the other engine has an ignore file of its own",
    );
  if (isElsewhere) return { body: null, dockerfile: file, remote: context };
  if (context === "-") return fromInput(options);
  const stats = statSync(context, { throwIfNoEntry: false });
  if (stats === undefined)
    throw new CooperError(
      "no-such-object",
      `unable to prepare context: path ${JSON.stringify(context)} not found`,
    );
  if (!stats.isDirectory())
    return { body: Bun.file(context).stream(), dockerfile: file, remote: null };
  const root = resolve(context);
  const dockerfile = dockerfileOf(root, file);
  const ignore = ignoreOf(ignoreFile, root, dockerfile.path);
  const tree = { root, shown: "the build context", ignore, isContext: true };
  const within = relative(root, dockerfile.path ?? "");
  const isThere =
    dockerfile.path !== null &&
    !within.startsWith("..") &&
    !(tree.ignore !== null && isIgnored(tree.ignore, within));
  if (isThere) return { body: packed(tree, [], null), dockerfile: within, remote: null };
  // one that is not in the context goes along under a name that no COPY takes
  const name = `.dockerfile.${randomHex(8)}`;
  const ignored = readInRoot(tree.root, ".dockerignore", maxIgnoreBytes) ?? ".dockerignore";
  const made: MadeEntry[] = [
    { kind: "file", name, content: Buffer.from(dockerfile.text), mode: 0o600 },
    {
      kind: "file",
      name: ".dockerignore",
      content: Buffer.from(`${ignored}\n${name}\n`),
      mode: 0o600,
    },
  ];
  return { body: packed(tree, made, "/.dockerignore"), dockerfile: name, remote: null };
}

const isDirectory = (path: string) =>
  statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;

function dockerfileOf(root: string, file: string | null) {
  if (file === "-") return { text: readFileSync(0, "utf8"), path: null };
  if (file !== null && /^https?:\/\//i.test(file))
    throw new CooperError("not-supported", `the Dockerfile ${file} is a URL`, {
      hint: "fetch it first: the other engine is sent files of this machine",
    });
  return findDockerfile(root, file);
}

const maxDockerfileBytes = 8 << 20;

/** A tar, or a Dockerfile without a context. */
async function fromInput({ file }: BuildOptions): Promise<SentContext> {
  const input = Bun.stdin.stream()[Symbol.asyncIterator]();
  const parts: Uint8Array[] = [];
  let size = 0;
  const more = async () => {
    const { done, value } = await input.next();
    if (done === true || value === undefined) return false;
    parts.push(value.slice());
    size += value.length;
    return true;
  };
  while (size < 512 && (await more()));
  if (isArchive(Buffer.concat(parts))) {
    const body = (async function* () {
      yield* parts;
      for (let next = await input.next(); !next.done; next = await input.next()) yield next.value;
    })();
    return { body, dockerfile: file, remote: null };
  }
  while (await more())
    if (size > maxDockerfileBytes)
      throw new CooperError("invalid-argument", "the Dockerfile on standard input has no end");
  const content = Buffer.concat(parts);
  const made: MadeEntry[] = [{ kind: "file", name: "Dockerfile", content, mode: 0o600 }];
  return { body: packCopy(made, [], looks(null), 0), dockerfile: null, remote: null };
}

/** By its first bytes: a tar's magic, or that of a compressor. */
const isArchive = (start: Buffer): boolean =>
  start.subarray(257, 262).toString("latin1") === "ustar" ||
  compressionOf(start) !== "none" ||
  unsupportedCompressionOf(start) !== undefined;

async function* packed(
  tree: SourceTree,
  made: readonly MadeEntry[],
  leftOut: string | null,
): AsyncGenerator<Uint8Array> {
  const [picked] = pick(tree, ".");
  if (picked === undefined) return;
  using root = picked;
  const picks = [{ tree, picked: root, target: "", contentsOnly: true }];
  yield* packCopy(made, picks, looks(leftOut), Math.floor(Date.now() / 1000));
}

/** Whom files of this machine belong to means nothing there. */
const looks = (leftOut: string | null) => ({
  owner: { uid: 0, gid: 0 },
  chmod: null,
  excludes: leftOut === null ? null : parseIgnore(leftOut, "of ours"),
  mtimeOf: (stats: Stats) => Math.floor(stats.mtimeMs / 1000),
});
