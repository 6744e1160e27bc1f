/** Finding what is built: the files that a Dockerfile may copy, the Dockerfile, and what is left out of the files. */
import { closeSync, existsSync, fstatSync, mkdirSync, openSync, readSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { CooperError, messageOf } from "../../errors.ts";
import { compressionOf } from "../../layer/decompress.ts";
import { type LayerSource, unpackLayer } from "../../layer/unpack.ts";
import { readInRoot } from "../../system/rooted.ts";
import { type IgnoreRules, parseIgnore } from "../ignore.ts";
import type { BuildSession } from "../session.ts";
import { isGitAddress } from "../source/git-address.ts";
import type { NamedContext } from "../stages.ts";
import {
  type DockerfileText,
  dockerfileInside,
  findDockerfile,
  givenDockerfile,
  ignoreOf,
  maxFileBytes,
  readText,
} from "./dockerfile.ts";
import { openRepository, openWebFile } from "./remote.ts";
import type { SourceTree } from "./tree.ts";

export interface ContextRequest {
  /** A directory, a tar, `-` for standard input, a git repository, or the URL of a tar or Dockerfile. */
  readonly context: string;
  /** -f; null: the usual names. `-`: standard input; or a URL. */
  readonly file: string | null;
  /** In place of any file. */
  readonly dockerfileText?: string | null;
  readonly ignoreFile: string | null;
  readonly buildArgs: Readonly<Record<string, string>>;
  /** Of a tar: names of files that are in it and not part of the context, wherever they are in it. */
  readonly hidden?: readonly string[];
  /** With a tar: the Dockerfile, and its own ignore file, where they are not in it. */
  readonly dockerfile?:
    | {
        readonly name: string;
        readonly text: string;
        readonly ignore: string;
      }
    | undefined;
}

export interface OpenContext {
  readonly dockerfile: DockerfileText;
  readonly tree: SourceTree;
}

/** @throws CooperError that says what is not there */
export async function openContext(
  session: BuildSession,
  request: ContextRequest,
): Promise<OpenContext> {
  const { context, file } = request;
  if (/^github\.com\//i.test(context)) return fromGit(session, request, `https://${context}`);
  if (isGitAddress(context)) return fromGit(session, request, context);
  if (/^https?:\/\//i.test(context)) return fromUrl(session, request);
  if (context === "-") {
    if (file === "-")
      throw new CooperError(
        "invalid-argument",
        "invalid argument: can't use stdin for both build context and dockerfile",
      );
    return fromInput(session, request);
  }
  const stats = statSync(context, { throwIfNoEntry: false });
  if (stats === undefined) throw notFound(context);
  if (!stats.isDirectory()) {
    const root = await unpackFile(session, context, request.context);
    return inTree(session, request, root, "the tar");
  }
  const root = resolve(context);
  const given = await givenDockerfile(session, request);
  const found = given === null ? findDockerfile(root, file) : { ...given, path: null };
  return { dockerfile: found, tree: treeAt(root, ignoreOf(request.ignoreFile, root, found.path)) };
}

function notFound(context: string): CooperError {
  const scheme = /^([a-z][a-z0-9+.-]*):(?::|\/\/)/i.exec(context)?.[1];
  if (scheme !== undefined)
    return new CooperError("not-supported", `there are no build contexts of the kind ${scheme}`, {
      hint: "there are directories, tars, and addresses of git, ssh, http and https",
    });
  return new CooperError(
    "no-such-object",
    `unable to prepare context: path ${JSON.stringify(context)} not found`,
  );
}

const treeAt = (root: string, ignore: IgnoreRules | null): SourceTree => ({
  root,
  shown: "the build context",
  ignore,
  isContext: true,
});

/** Further contexts on this machine must be there, needed or not. */
export function assertContexts(contexts: Readonly<Record<string, NamedContext>>): void {
  for (const [name, context] of Object.entries(contexts)) {
    if (context.kind !== "directory" || existsSync(context.path)) continue;
    const root = resolve(context.path);
    throw new CooperError("no-such-object", `the build context ${name}: no directory ${root}`);
  }
}

/** Makes a further context ready. Directories have ignore files of their own. */
export async function openNamed(
  session: BuildSession,
  name: string,
  context: NamedContext,
  told: (line: string) => void,
): Promise<SourceTree> {
  const root = await rootOfNamed(session, context, told);
  const text = readInRoot(root, ".dockerignore", maxFileBytes);
  const ignore = text === undefined ? null : parseIgnore(text, `${name}: .dockerignore`);
  return { ...treeAt(root, ignore), shown: `the build context ${name}` };
}

async function rootOfNamed(
  session: BuildSession,
  context: NamedContext,
  told: (line: string) => void,
): Promise<string> {
  if (context.kind === "image")
    throw new CooperError("internal", `bug in Cooper: the image ${context.name} is no context`);
  if (context.kind === "git") return openRepository(session, context.address, false, told);
  if (context.kind === "web") {
    const { directory, file } = await openWebFile(session, context.address, null);
    return isTarFile(file) ? unpackFile(session, file, context.address) : directory;
  }
  const root = resolve(context.path);
  return statSync(root).isDirectory() ? root : unpackFile(session, root, context.path);
}

async function fromGit(
  session: BuildSession,
  request: ContextRequest,
  address: string,
): Promise<OpenContext> {
  const keepsGitDir = /^(?:1|true)$/i.test(request.buildArgs.BUILDKIT_CONTEXT_KEEP_GIT_DIR ?? "");
  const root = await told(session, "load git source", address, (line) =>
    openRepository(session, address, keepsGitDir, line, true),
  );
  return inTree(session, request, root, "the repository");
}

async function told<T>(
  { progress }: BuildSession,
  what: string,
  address: string,
  work: (line: (text: string) => void) => Promise<T>,
): Promise<T> {
  const { redactUrls } = await import("../source/url-text.ts");
  const [key, title] = ["source", `[internal] ${what} ${redactUrls(address)}`] as const;
  progress.started(key, title);
  try {
    const result = await work((text) => progress.output(key, Buffer.from(`${text}\n`)));
    progress.done(key);
    return result;
  } catch (error) {
    progress.failed(key, title, messageOf(error));
    throw error;
  }
}

/** A tar is the context; any other file is the Dockerfile, which has no files to copy. */
async function fromUrl(session: BuildSession, request: ContextRequest): Promise<OpenContext> {
  const { context } = request;
  const { file, contentType } = await told(session, "load remote build context", context, () =>
    openWebFile(session, context, "context"),
  );
  if (isTarFile(file)) {
    const root = await unpackFile(session, file, context);
    return inTree(session, request, root, "the tar");
  }
  if (request.file !== null)
    throw new CooperError(
      "invalid-argument",
      "what the address of the context gives is no tar, but a Dockerfile itself",
      { hint: "leave out --file" },
    );
  if (/^text\/html\b/i.test(contentType))
    throw new CooperError("invalid-argument", "the address of the context gives a web page", {
      hint: "a repository's address ends with .git",
    });
  return emptyContext(session, { name: "Dockerfile", text: readText(file) });
}

function emptyContext(session: BuildSession, dockerfile: DockerfileText): OpenContext {
  const root = session.stage.next("context");
  mkdirSync(root, { mode: 0o700 });
  return {
    dockerfile,
    tree: { ...treeAt(root, null), shown: "the build context, which is empty" },
  };
}

/** Standard input is a tar, or a Dockerfile that needs no files. */
async function fromInput(session: BuildSession, request: ContextRequest): Promise<OpenContext> {
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
  if (isTar(start)) {
    const root = await unpack(session, { kind: "stream", chunks: all });
    return inTree(session, request, root, "the tar");
  }
  let text = "";
  for await (const chunk of all) {
    text += Buffer.from(chunk).toString("latin1");
    if (text.length > maxFileBytes)
      throw new CooperError("invalid-argument", "the Dockerfile on standard input is too large");
  }
  return emptyContext(session, {
    name: "stdin",
    text: Buffer.from(text, "latin1").toString("utf8"),
  });
}

/** POSIX tars say so in their header; else what is compressed is one. */
const isTar = (start: Buffer) =>
  compressionOf(start) !== "none" || start.toString("latin1", 257, 262) === "ustar";

function isTarFile(file: string): boolean {
  const descriptor = openSync(file, "r");
  try {
    return isTar(startOf(descriptor));
  } finally {
    closeSync(descriptor);
  }
}

function startOf(descriptor: number): Buffer {
  const start = Buffer.alloc(512);
  readSync(descriptor, start, 0, start.length, 0);
  return start;
}

/** Resolves to the directory with what is in it. */
async function unpackFile(session: BuildSession, file: string, shown: string): Promise<string> {
  const descriptor = openSync(file, "r");
  try {
    const { size } = fstatSync(descriptor);
    if (!isTar(startOf(descriptor)))
      throw new CooperError("invalid-argument", `the context ${shown} is a file, and no tar`, {
        hint: `to build with it as the Dockerfile: cooper build -f ${shown} .`,
      });
    return await unpack(session, { kind: "file", descriptor, offset: 0, length: size });
  } finally {
    closeSync(descriptor);
  }
}

/** It is unpacked as a layer is: by a child that cannot leave the directory. */
async function unpack(session: BuildSession, source: LayerSource): Promise<string> {
  const directory = session.stage.next("context");
  await unpackLayer(source, directory, session.signal);
  return join(directory, "diff");
}

/** A context whose files a stranger may have made: the Dockerfile is looked for within it. */
async function inTree(
  session: BuildSession,
  request: ContextRequest,
  root: string,
  shown: string,
): Promise<OpenContext> {
  const { file, ignoreFile, hidden = [], dockerfile: sent } = request;
  if (sent !== undefined) {
    const { name, text, ignore } = sent;
    return { dockerfile: { name, text }, tree: treeAt(root, parseIgnore(ignore, ".dockerignore")) };
  }
  const given = await givenDockerfile(session, request);
  const { dockerfile, ignore } = dockerfileInside(root, {
    given,
    file,
    ignoreFile,
    hidden,
    shown,
  });
  return { dockerfile, tree: treeAt(root, ignore) };
}
