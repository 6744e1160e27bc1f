/** `cp` between this machine and a container of an engine elsewhere, by the rules of a copy here. */
import { posix, resolve } from "node:path";
import { readPathStat } from "../api/docker/read-path-stat.ts";
import { packCopy } from "../build/context/pack.ts";
import type { CopyOptions } from "../container/copy/copy.ts";
import {
  type CopyEnd,
  type CopySource,
  type CopyTarget,
  planCopy,
  planExtraction,
} from "../container/copy/plan.ts";
import { findEntry, lookAtTarget } from "../container/copy/tree.ts";
import { CooperError } from "../errors.ts";
import { uncompressed } from "../layer/decompress.ts";
import { placeTar } from "../layer/place.ts";
import type { Client } from "./client.ts";
import { warn } from "./warn.ts";

type ContainerEnd = Extract<CopyEnd, { kind: "container" }>;
type HostEnd = Extract<CopyEnd, { kind: "host" }>;

const archive = ({ container }: ContainerEnd) =>
  `/containers/${encodeURIComponent(container)}/archive`;
const shownEnd = (end: ContainerEnd) => `${end.container}:${end.path}`;

/** Resolves to the bytes of the files that were copied. */
export async function copyElsewhere(
  client: Client,
  from: CopyEnd,
  to: CopyEnd,
  options: CopyOptions,
): Promise<number> {
  if (from.kind === "container" && to.kind === "container")
    throw new CooperError(
      "not-supported",
      "containers elsewhere cannot be copied between at once",
      {
        hint: `in two steps: cooper cp ${shownEnd(from)} - | cooper cp - ${shownEnd(to)}`,
      },
    );
  if (from.kind === "container") return fromContainer(client, from, to, options);
  if (to.kind === "container") return intoContainer(client, from, to, options);
  throw new CooperError("invalid-argument", "neither end is in a container");
}

/** What is at a path there; undefined: nothing. */
async function look(client: Client, end: ContainerEnd, path: string) {
  try {
    const { headers } = await client.open("HEAD", archive(end), { query: { path } });
    return readPathStat(headers.get("x-docker-container-path-stat") ?? "");
  } catch (error) {
    if (!(error instanceof CooperError) || !isMissing.has(error.code)) throw error;
    // the answer to a HEAD says no more: whether the container is there is told by itself
    await client.act("GET", `/containers/${encodeURIComponent(end.container)}/json`);
    return undefined;
  }
}

const isMissing = new Set(["no-such-object", "no-such-container"]);

async function fromContainer(
  client: Client,
  from: ContainerEnd,
  to: CopyEnd,
  options: CopyOptions,
): Promise<number> {
  const stat = await look(client, from, from.path);
  if (stat === undefined) throw new CooperError("no-such-object", `there is no ${shownEnd(from)}`);
  const follows = options.followsLink && stat.linkTarget !== "";
  const path = follows ? stat.linkTarget : from.path;
  const target = follows ? await look(client, from, path) : stat;
  const isDirectory = target?.isDirectory ?? false;
  const isContents = isDirectory && /(^|\/)\.$/.test(from.path);
  if (to.kind === "stream") return stream(client, from, path, options);
  const host = to as HostEnd;
  const what: CopySource = {
    name: posix.basename(posix.join("/", from.path)) || "/",
    isDirectory,
    isContents: isContents || posix.join("/", from.path) === "/",
  };
  const plan = planCopy(what, lookAtTarget("/", withSlash(host.path), host.path));
  const asked = plan.name === null ? path : path.replace(/\/\.?$/, "") || "/";
  const { body } = await client.open("GET", archive(from), { query: { path: asked } });
  // an ordinary user can give files to nobody else; in the namespace where they are written that is root
  const isRoot = process.getuid?.() === 0;
  const owner = options.keepsOwners && isRoot ? null : { uid: 0, gid: isRoot ? ownGid() : 0 };
  const { size, warnings } = await placeTar(body, {
    // no link that the engine sends leads out of where its files were meant to go
    root: plan.directory,
    directory: "/",
    name: plan.name,
    owner,
    overwrites: options.overwrites,
    entersNamespace: !isRoot,
  });
  for (const warning of warnings) warn(warning);
  return size;
}

const ownGid = () => process.getgid?.() ?? 0;

/** Absolute, and still meant as a directory where it was. */
const withSlash = (path: string) => `${resolve(path)}${/(^|\/)\.?$/.test(path) ? "/." : ""}`;

async function stream(
  client: Client,
  from: ContainerEnd,
  path: string,
  { output }: CopyOptions,
): Promise<number> {
  const { body } = await client.open("GET", archive(from), { query: { path } });
  let size = 0;
  for await (const bytes of body) {
    size += bytes.length;
    await output(bytes);
  }
  return size;
}

async function intoContainer(
  client: Client,
  from: CopyEnd,
  to: ContainerEnd,
  options: CopyOptions,
): Promise<number> {
  const target = await targetOf(client, to);
  if (from.kind !== "host") {
    const { directory } = planExtraction(target);
    await put(client, to, directory, uncompressed(options.input), {
      ...options,
      keepsOwners: options.chownsStream !== true,
    });
    return 0;
  }
  const hasSlash = /(^|\/)\.?$/.test(from.path);
  using entry = findEntry("/", withSlash(from.path), {
    followsLast: options.followsLink || hasSlash,
    shown: from.path,
  });
  const isDirectory = entry.stats.isDirectory();
  if (hasSlash && !isDirectory)
    throw new CooperError("invalid-argument", `${from.path} is no directory`);
  const isContents = isDirectory && (/(^|\/)\.$/.test(from.path) || entry.name === ".");
  const name = posix.basename(resolve("/", from.path));
  const plan = planCopy({ name, isDirectory, isContents }, target);
  const tree = { root: "/", shown: from.path, ignore: null, isContext: false };
  const picked = { ...entry, path: "", kept: "" };
  let size = 0;
  const tar = packCopy(
    [],
    [{ tree, picked, target: latin(plan.name ?? ""), contentsOnly: plan.name === null }],
    {
      owner: null,
      chmod: null,
      excludes: null,
      mtimeOf: (stats) => Math.floor(stats.mtimeMs / 1000),
    },
    Math.floor(Date.now() / 1000),
  );
  const counted = (async function* () {
    for await (const bytes of tar) {
      size += bytes.length;
      yield bytes;
    }
  })();
  await put(client, to, plan.directory, counted, options);
  return size;
}

const latin = (text: string) => Buffer.from(text).toString("latin1");

async function targetOf(client: Client, to: ContainerEnd): Promise<CopyTarget> {
  const path = posix.join("/", to.path).replace(/(.)\/\.?$/, "$1");
  let stat = await look(client, to, path);
  let at = path;
  if (stat !== undefined && stat.linkTarget !== "") {
    at = stat.linkTarget;
    stat = await look(client, to, at);
  }
  const parent = stat === undefined ? await look(client, to, posix.dirname(at)) : undefined;
  return {
    path: at,
    is: stat === undefined ? "missing" : stat.isDirectory ? "directory" : "file",
    hasParent: stat !== undefined || parent !== undefined,
    isMeantAsDirectory: /(^|\/)\.?$/.test(to.path),
    shown: shownEnd(to),
  };
}

async function put(
  client: Client,
  to: ContainerEnd,
  path: string,
  tar: AsyncIterable<Uint8Array>,
  { overwrites, keepsOwners }: CopyOptions,
): Promise<void> {
  await client.act("PUT", archive(to), {
    query: { path, noOverwriteDirNonDir: !overwrites, copyUIDGID: !keepsOwners },
    body: tar,
    contentType: "application/x-tar",
  });
}
