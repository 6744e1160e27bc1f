/** `cp`: files and directories between containers, the host, and tar streams. */
import { posix, resolve } from "node:path";
import { CooperError } from "../../errors.ts";
import type { Host } from "../../host.ts";
import { uncompressed } from "../../layer/decompress.ts";
import { packTree } from "../../layer/pack.ts";
import { placeTar } from "../../layer/place.ts";
import { readInRoot } from "../../system/rooted.ts";
import { OpenDirectory } from "../../system/tree-read.ts";
import { resolveUser } from "../identity.ts";
import type { ContainerRecord } from "../record.ts";
import { toOutside } from "../resolve-mounts.ts";
import { userText } from "../runtime-input.ts";
import { ownerMap } from "../trees.ts";
import { openContainerRoot } from "./container-root.ts";
import {
  type CopyEnd,
  type CopyPlan,
  type CopySource,
  type CopyTarget,
  planCopy,
  planExtraction,
} from "./plan.ts";
import { findEntry, lookAtTarget } from "./tree.ts";

export interface CopyOptions {
  /** Owners stay as they are; else what is copied belongs to the container's user, or to the caller. */
  readonly keepsOwners: boolean;
  /** A link as the source stands for what it points to. */
  readonly followsLink: boolean;
  /** Whether directories give way to files, and files to directories. */
  readonly overwrites: boolean;
  /** Standard input, where the source is a stream. */
  readonly input: AsyncIterable<Uint8Array>;
  /** Takes the tar, where the target is a stream; what it returns holds the rest back. */
  output(bytes: Uint8Array): void | Promise<void>;
  /** A tar from a stream belongs to the container's user, whatever it says itself. */
  readonly chownsStream?: boolean;
  /** Names at the top of a tar from a stream that become others. */
  readonly renames?: ReadonlyMap<string, string>;
}

/** Resolves to the bytes of the files that were copied. */
export async function copy(
  host: Host,
  from: CopyEnd,
  to: CopyEnd,
  options: CopyOptions,
): Promise<number> {
  await using undo = new AsyncDisposableStack();
  const source = await openSource(host, from, options, undo);
  if (to.kind === "stream") {
    let size = 0;
    for await (const chunk of source.tar(source.what?.isContents ?? false)) {
      size += chunk.length;
      await options.output(chunk);
    }
    return size;
  }
  const root = await openRoot(host, to, undo);
  const target = lookAtTarget(root.path, root.within, shown(to));
  const plan = planFor(source, target);
  const keeps = source.what === null ? options.chownsStream !== true : options.keepsOwners;
  const owner = keeps ? null : ownerIn(root);
  const { size, warnings } = await placeTar(source.tar(plan.name === null), {
    root: root.path,
    ...plan,
    owner,
    overwrites: options.overwrites,
    ...(options.renames !== undefined && { renames: Object.fromEntries(options.renames) }),
  });
  for (const warning of warnings) host.warn(warning);
  return size;
}

function planFor({ what, isRoot }: Source, target: CopyTarget): CopyPlan {
  if (what === null) return planExtraction(target);
  const plan = planCopy(what, target);
  // a root has no name to be replaced: what is in it goes into a directory of the new name
  if (!isRoot || plan.name === null) return plan;
  return { directory: posix.join(plan.directory, plan.name), name: null };
}

/** A tree to copy from or into. */
interface Root {
  readonly path: string;
  /** The path that was typed, absolute within it; a slash at its end is kept. */
  readonly within: string;
  readonly container: ContainerRecord | null;
}

async function openRoot(
  host: Host,
  end: Exclude<CopyEnd, { kind: "stream" }>,
  undo: AsyncDisposableStack,
): Promise<Root> {
  if (end.kind === "host") {
    const slash = /(^|\/)\.?$/.test(end.path) ? "/." : "";
    return { path: "/", within: `${resolve(end.path)}${slash}`, container: null };
  }
  const root = undo.use(await openContainerRoot(host, end.container));
  return { path: root.path, within: posix.join("/", end.path), container: root.container };
}

interface Source {
  /** @param isContents what is in the directory, without itself */
  tar(isContents: boolean): AsyncIterable<Uint8Array>;
  /** null: a tar from a stream, of which nothing is known. */
  readonly what: CopySource | null;
  /** Whether it is the root of a container or of the host. */
  readonly isRoot: boolean;
}

async function openSource(
  host: Host,
  end: CopyEnd,
  options: CopyOptions,
  undo: AsyncDisposableStack,
): Promise<Source> {
  if (end.kind === "stream")
    return { tar: () => uncompressed(options.input), what: null, isRoot: false };
  const root = await openRoot(host, end, undo);
  const hasSlash = end.path.endsWith("/") || end.path.endsWith("/.") || end.path === ".";
  const entry = undo.use(
    findEntry(root.path, root.within, {
      followsLast: options.followsLink || hasSlash,
      shown: shown(end),
    }),
  );
  const isDirectory = entry.stats.isDirectory();
  if (hasSlash && !isDirectory)
    throw new CooperError("invalid-argument", `${shown(end)} is no directory`);
  const isContents = isDirectory && (/(^|\/)\.$/.test(end.path) || entry.name === ".");
  const { container } = root;
  const pack = {
    kind: "filesystem",
    mapOwner: container === null ? undefined : ownerMap(container),
    warn: (message: string) => host.warn(message),
    ...(entry.name === "." && { leavesOut: isOfKernel }),
  } as const;
  const what = { name: posix.basename(resolve("/", end.path)), isDirectory, isContents };
  const tar = (wantsContents: boolean) =>
    wantsContents
      ? packTree(undo.use(openItself(entry.parent, entry.name)), { ...pack, only: "." })
      : packTree(entry.parent, { ...pack, only: entry.name });
  return { tar, what, isRoot: entry.name === "." };
}

/** With a whole root nobody means what the kernel shows in it, which has no end and is read at a risk. */
const isOfKernel = (path: string) => ["/dev", "/proc", "/sys"].includes(path);

function openItself(parent: OpenDirectory, name: string): OpenDirectory {
  const opened =
    name === "." ? OpenDirectory.at(`/proc/self/fd/${parent.descriptor}`) : parent.enter(name);
  if (opened === undefined)
    throw new CooperError("no-such-object", `the directory ${name} is gone`);
  return opened;
}

/** Whom new files belong to, as an id of ours: the container's user; on the host whoever calls. */
function ownerIn({ path, container }: Root): { uid: number; gid: number } {
  if (container === null) return { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  const user = resolveUser(
    userText(container),
    readInRoot(path, "/etc/passwd") ?? "",
    readInRoot(path, "/etc/group") ?? "",
  );
  const { idMappings } = container.resolved;
  return { uid: toOutside(idMappings?.uids, user.uid), gid: toOutside(idMappings?.gids, user.gid) };
}

function shown(end: CopyEnd): string {
  if (end.kind === "stream") return "-";
  return end.kind === "host" ? end.path : `${end.container}:${end.path}`;
}
