/** Finding what is built: the Dockerfile, the files that it may copy, and what is left out of them. */
import {
  closeSync,
  existsSync,
  fstatSync,
  openSync,
  readFileSync,
  readSync,
  statSync,
} from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { CooperError, errnoName } from "../../errors.ts";
import { compressionOf } from "../../layer/decompress.ts";
import { type LayerSource, unpackLayer } from "../../layer/unpack.ts";
import { readInRoot } from "../../system/rooted.ts";
import { type IgnoreRules, parseIgnore } from "../ignore.ts";
import type { NamedContext } from "../stages.ts";
import type { SourceTree } from "./tree.ts";

export interface ContextRequest {
  /** A directory, a tar, or `-` for standard input. */
  readonly context: string;
  /** -f; null: the usual names. `-`: standard input. */
  readonly file: string | null;
  readonly ignoreFile: string | null;
  /** A place that nobody uses yet, for what a tar holds. */
  readonly scratch: string;
  /** Of a tar: names of files that are in it and not part of the context, wherever they are in it. */
  readonly hidden?: readonly string[];
  readonly signal?: AbortSignal | undefined;
}

export interface OpenContext {
  readonly dockerfile: { readonly name: string; readonly text: string };
  readonly tree: SourceTree;
}

const usualNames = ["Dockerfile", "Containerfile", "dockerfile"];
const maxFileBytes = 8 << 20;

/** @throws CooperError that says what is not there */
export async function openContext(request: ContextRequest): Promise<OpenContext> {
  const { context, file } = request;
  if (/^(?:https?|git|ssh):\/\/|^git@|^github\.com\//i.test(context)) {
    throw new CooperError("not-supported", `the context ${context} is an address`, {
      hint: "fetch it first, and give its directory: URLs and git repositories are not read yet",
    });
  }
  if (context === "-") {
    if (file === "-")
      throw new CooperError(
        "invalid-argument",
        "invalid argument: can't use stdin for both build context and dockerfile",
      );
    return fromInput(request);
  }
  const stats = statSync(context, { throwIfNoEntry: false });
  if (stats === undefined)
    throw new CooperError(
      "no-such-object",
      `unable to prepare context: path ${JSON.stringify(context)} not found`,
    );
  if (!stats.isDirectory()) return fromTar(request, openSync(context, "r"));
  const root = resolve(context);
  const found = findDockerfile(root, file);
  return { dockerfile: found, tree: treeAt(root, ignoreOf(request, root, found.path)) };
}

const treeAt = (root: string, ignore: IgnoreRules | null): SourceTree => ({
  root,
  shown: "the build context",
  ignore,
  isContext: true,
});

/** Further contexts that are directories, each with an ignore file of its own. */
export function namedTrees(
  contexts: Readonly<Record<string, NamedContext>>,
): [string, SourceTree][] {
  return Object.entries(contexts).flatMap(([name, context]) => {
    if (context.kind !== "directory") return [];
    const root = resolve(context.path);
    if (statSync(root, { throwIfNoEntry: false })?.isDirectory() !== true)
      throw new CooperError("no-such-object", `the build context ${name}: no directory ${root}`);
    const text = readInRoot(root, ".dockerignore", maxFileBytes);
    const ignore = text === undefined ? null : parseIgnore(text, `${name}: .dockerignore`);
    return [[name, { ...treeAt(root, ignore), shown: `the build context ${name}` }]];
  });
}

function findDockerfile(
  root: string,
  file: string | null,
): { readonly name: string; readonly text: string; readonly path: string | null } {
  if (file === "-") return { name: "stdin", text: readFileSync(0, "utf8"), path: null };
  const candidates =
    file === null ? usualNames.map((name) => join(root, name)) : [resolve(file), join(root, file)];
  const path = candidates.find((candidate) => existsSync(candidate));
  if (path === undefined) throw noDockerfile(file ?? "Dockerfile", root);
  return { name: file ?? basename(path), text: readText(path), path };
}

function readText(path: string): string {
  const stats = statSync(path);
  if (stats.isDirectory())
    throw new CooperError("invalid-argument", `${path} is a directory, and no Dockerfile`);
  if (stats.size > maxFileBytes)
    throw new CooperError("invalid-argument", `${path} is larger than ${maxFileBytes >> 20} MiB`);
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new CooperError("permission-denied", `cannot read ${path}: ${errnoName(cause)}`, {
      cause,
    });
  }
}

function noDockerfile(name: string, where: string): CooperError {
  return new CooperError(
    "no-such-object",
    `failed to read dockerfile: open ${name}: no such file or directory in ${where}`,
    { hint: "name it with --file" },
  );
}

/** What the Dockerfile's own file says goes before that of the context. */
function ignoreOf(
  { ignoreFile }: ContextRequest,
  root: string,
  dockerfile: string | null,
): IgnoreRules | null {
  if (ignoreFile !== null) return parseIgnore(readText(ignoreFile), ignoreFile);
  const candidates = [
    ...(dockerfile === null ? [] : [`${dockerfile}.dockerignore`, `${dockerfile}.containerignore`]),
    join(root, ".dockerignore"),
    join(root, ".containerignore"),
  ];
  const path = candidates.find((candidate) => existsSync(candidate));
  if (path === undefined) return null;
  const inside =
    dirname(path) === root ? readInRoot(root, basename(path), maxFileBytes) : readText(path);
  return inside === undefined ? null : parseIgnore(inside, basename(path));
}

/** Standard input is a tar, or a Dockerfile that needs no files. */
async function fromInput(request: ContextRequest): Promise<OpenContext> {
  const chunks = Bun.file(0).stream()[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
  const first: Uint8Array[] = [];
  let size = 0;
  while (size < 512) {
    const { value, done } = await chunks.next();
    if (done) break;
    first.push(value);
    size += value.length;
  }
  const start = Buffer.concat(first);
  const all = (async function* () {
    yield start;
    yield* { [Symbol.asyncIterator]: () => chunks };
  })();
  if (isTar(start)) return unpackContext(request, { kind: "stream", chunks: all });
  let text = "";
  for await (const chunk of all) {
    text += Buffer.from(chunk).toString("latin1");
    if (text.length > maxFileBytes)
      throw new CooperError("invalid-argument", "the Dockerfile on standard input is too large");
  }
  const { mkdirSync } = await import("node:fs");
  mkdirSync(request.scratch, { mode: 0o700 });
  const dockerfile = { name: "stdin", text: Buffer.from(text, "latin1").toString("utf8") };
  return {
    dockerfile,
    tree: { ...treeAt(request.scratch, null), shown: "the build context, which is empty" },
  };
}

/** POSIX tars say so in their header; else what is compressed is one. */
const isTar = (start: Buffer) =>
  compressionOf(start) !== "none" || start.toString("latin1", 257, 262) === "ustar";

async function fromTar(request: ContextRequest, descriptor: number): Promise<OpenContext> {
  try {
    const { size } = fstatSync(descriptor);
    const start = Buffer.alloc(512);
    readSync(descriptor, start, 0, start.length, 0);
    if (!isTar(start))
      throw new CooperError(
        "invalid-argument",
        `the context ${request.context} is a file, and no tar`,
        { hint: `to build with it as the Dockerfile: cooper build -f ${request.context} .` },
      );
    return await unpackContext(request, { kind: "file", descriptor, offset: 0, length: size });
  } finally {
    closeSync(descriptor);
  }
}

/** It is unpacked as a layer is: by a child that cannot leave the directory. */
async function unpackContext(request: ContextRequest, source: LayerSource): Promise<OpenContext> {
  await unpackLayer(source, request.scratch, request.signal);
  const root = join(request.scratch, "diff");
  const names = request.file === null ? usualNames : [request.file];
  for (const name of names) {
    const text = readInRoot(root, name, maxFileBytes);
    if (text === undefined) continue;
    const own = [
      `${name}.dockerignore`,
      `${name}.containerignore`,
      ".dockerignore",
      ".containerignore",
    ];
    const ignoring = own.find(
      (candidate) => readInRoot(root, candidate, maxFileBytes) !== undefined,
    );
    const rules = ignoring === undefined ? "" : (readInRoot(root, ignoring, maxFileBytes) ?? "");
    const ignore =
      request.ignoreFile === null
        ? parseIgnore(withHidden(rules, request), ignoring ?? "")
        : parseIgnore(withHidden(readText(request.ignoreFile), request), request.ignoreFile);
    return { dockerfile: { name, text }, tree: treeAt(root, ignore) };
  }
  throw noDockerfile(names[0] ?? "Dockerfile", "the tar");
}

/**
 * Podman's client sends what is not of the context under its whole path, besides: a Dockerfile from
 * elsewhere, and secrets. The last rule decides.
 */
function withHidden(rules: string, { hidden = [], file }: ContextRequest): string {
  const patterns = hidden.map((name) => `**/${literal(name)}`);
  if (file?.startsWith("/")) patterns.push(literal(file));
  return [rules, ...patterns].join("\n");
}

const literal = (name: string) => name.replace(/[\\*?[]/g, "\\$&");
