/** From the mounts that were asked for to directories of the host: sources looked up, made and owned. */
import { closeSync, existsSync, mkdirSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { CooperError } from "../errors.ts";
import type { Host } from "../host.ts";
import { isOnOverlay, mountOverlay } from "../system/mount.ts";
import { needProgram } from "../system/program.ts";
import { findInRoot } from "../system/rooted.ts";
import { isInUserNamespace } from "../system/userns.ts";
import type { ResolvedUser } from "./identity.ts";
import type { ContainerRecord } from "./record.ts";
import type { IdMappings, ResolvedMount } from "./runtime-config/input.ts";
import type { IdMapping, Mount } from "./spec.ts";
import { mountStack } from "./storage.ts";

/** What owners are seen through. */
export interface MountOwner {
  readonly user: ResolvedUser;
  readonly idMappings: IdMappings | null;
}

/** In the order of the spec; the runtime config sorts them by depth. */
export async function resolveMounts(
  host: Host,
  container: ContainerRecord,
  owner: MountOwner,
): Promise<ResolvedMount[]> {
  const resolved: ResolvedMount[] = [];
  for (const [index, mount] of container.spec.mounts.entries()) {
    resolved.push(await resolveMount(host, container, mount, index, owner));
  }
  return resolved;
}

async function resolveMount(
  host: Host,
  container: ContainerRecord,
  mount: Mount,
  index: number,
  owner: MountOwner,
): Promise<ResolvedMount> {
  const common = { target: mount.target, readOnly: mount.readOnly, options: mount.options };
  switch (mount.kind) {
    case "tmpfs":
    case "ramfs":
    case "devpts":
      return { ...common, kind: mount.kind, copiesUp: mount.copiesUp };
    case "image":
      return {
        ...common,
        kind: "bind",
        source: await mountImage(host, container, mount, index),
        isRecursive: true,
        propagation: null,
      };
    case "tree": {
      const { lower, overlay, subpath, shown } = mount;
      const merged = mountWritable(host, container, lower, index, overlay);
      const source = withSubpath(merged, subpath, shown);
      return { ...common, kind: "bind", source, isRecursive: true, propagation: null };
    }
    case "volume": {
      const directory = host.paths.volume(mount.name ?? "");
      if (mount.changesOwner) changeOwner(directory, owner);
      const source = withSubpath(directory, mount.subpath, `volume ${mount.name}`);
      return {
        ...common,
        kind: "bind",
        source: mount.isOverlay ? overlayOn(host, container, source, index, mount.overlay) : source,
        isRecursive: true,
        propagation: null,
        idmap: idmapOf(mount.idmap),
      };
    }
    case "bind": {
      const source = bindSource(mount);
      if (mount.changesOwner) changeOwner(source, owner);
      return {
        ...common,
        kind: "bind",
        source: mount.isOverlay
          ? overlayOn(host, container, source, index, mount.overlay)
          : withSubpath(source, mount.subpath, source),
        isRecursive: mount.isRecursive,
        propagation: mount.propagation,
        idmap: idmapOf(mount.idmap),
      };
    }
  }
}

/** `-v` makes a missing source directory as Docker does; `--mount` does not. */
function bindSource(mount: Extract<Mount, { kind: "bind" }>): string {
  if (existsSync(mount.source)) return mount.source;
  if (!mount.createsSource) {
    throw new CooperError(
      "no-such-object",
      `cannot mount ${mount.source} on ${mount.target}: it does not exist on the host`,
      {
        hint: `mkdir -p ${mount.source}`,
      },
    );
  }
  try {
    mkdirSync(mount.source, { recursive: true, mode: 0o755 });
  } catch (cause) {
    throw new CooperError(
      "permission-denied",
      `cannot make ${mount.source} to mount it on ${mount.target}`,
      { cause },
    );
  }
  return mount.source;
}

/** `idmap`, or `idmap=uids=0-1-10;gids=0-100-10`: ids of the container, of the file system, how many. */
function idmapOf(text: string | null): "container" | IdMappings | null {
  if (text === null || text === "") return text === null ? null : "container";
  const parts = new Map(text.split(";").map((part) => part.split(/=(.*)/s, 2) as [string, string]));
  const read = (name: string): IdMapping[] =>
    (parts.get(name) ?? "").split("#").map((triple) => {
      const [, inside, outside, size] = /^(\d{1,10})-(\d{1,10})-(\d{1,10})$/.exec(triple) ?? [];
      if (size === undefined) throw wrongIdmap(text);
      return { inside: Number(inside), outside: Number(outside), size: Number(size) };
    });
  if ([...parts.keys()].some((name) => name !== "uids" && name !== "gids")) throw wrongIdmap(text);
  return { uids: read("uids"), gids: read("gids") };
}

function wrongIdmap(text: string): CooperError {
  return new CooperError("invalid-argument", `invalid mapping of a mount: idmap=${text}`, {
    hint: "write idmap=uids=0-1000-1;gids=0-1000-1, or idmap alone for the container's own mapping",
  });
}

/** A place within a volume that containers may have filled with links: resolved within it. */
function withSubpath(directory: string, subpath: string | null, what: string): string {
  if (subpath === null) return directory;
  const descriptor = findInRoot(directory, subpath);
  if (descriptor === undefined) throw new CooperError("no-such-object", `no ${subpath} in ${what}`);
  try {
    return readlinkSync(`/proc/self/fd/${descriptor}`);
  } finally {
    closeSync(descriptor);
  }
}

/** `:O`: changes go to a directory that ends with the container's run, or to one that was named. */
function overlayOn(
  host: Host,
  container: ContainerRecord,
  lower: string,
  index: number,
  own: { upper: string; work: string } | null,
): string {
  const missing =
    own === null ? undefined : [own.upper, own.work].find((path) => !existsSync(path));
  if (missing !== undefined) {
    throw new CooperError("no-such-object", `no such directory on the host: ${missing}`, {
      hint: `mkdir -p ${missing}`,
    });
  }
  return mountWritable(host, container, [lower], index, own);
}

/** Mounts an overlay with a place for changes in the container's directory; resolves to where it is. */
function mountWritable(
  host: Host,
  container: ContainerRecord,
  lower: readonly string[],
  index: number,
  own: { upper: string; work: string } | null = null,
): string {
  const base = join(host.paths.container(container.id).directory, `overlay-${index}`);
  const merged = join(host.paths.container(container.id).bundle, `overlay-${index}`);
  const { upper, work } = own ?? { upper: join(base, "upper"), work: join(base, "work") };
  for (const directory of [...(own === null ? [upper, work] : []), merged])
    mkdirSync(directory, { recursive: true, mode: 0o755 });
  const tree = join(base, "tree");
  const isVolatile = own === null || container.resolved.buildDirectories !== undefined;
  mountStack(host, { target: merged, lower, upper, work, tree, isVolatile });
  return merged;
}

async function mountImage(
  host: Host,
  container: ContainerRecord,
  { image: name, subpath, readOnly }: Extract<Mount, { kind: "image" }>,
  index: number,
): Promise<string> {
  const { imageForContainer } = await import("../image/for-container.ts");
  const image = await imageForContainer(host, name, container.spec);
  const layers = image.layers.map((id) => host.paths.layer(id).diff).reverse();
  // overlayfs wants two lower layers when there is no upper one, and one in any case
  const empty = join(host.paths.container(container.id).directory, "empty");
  mkdirSync(empty, { recursive: true, mode: 0o755 });
  const lower = [...layers, empty];
  // a store on an overlay says by names what is hidden: the drivers that stand in know of that
  if (!readOnly || isOnOverlay(host.paths.layers))
    return withSubpath(mountWritable(host, container, lower, index), subpath, `image ${name}`);
  const merged = join(host.paths.container(container.id).bundle, `image-${index}`);
  mkdirSync(merged, { recursive: true, mode: 0o755 });
  mountOverlay(merged, { lower, userXattr: isInUserNamespace() });
  return withSubpath(merged, subpath, `image ${name}`);
}

/** `:U`: to the container's user, as it is seen outside. */
function changeOwner(directory: string, { user, idMappings }: MountOwner): void {
  const uid = toOutside(idMappings?.uids, user.uid);
  const gid = toOutside(idMappings?.gids, user.gid);
  const result = Bun.spawnSync([needProgram("chown"), "-hR", "--", `${uid}:${gid}`, directory], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  if (!result.success) {
    throw new CooperError(
      "permission-denied",
      `cannot change the owner of ${directory}: ${result.stderr.toString().trim().split("\n")[0]}`,
    );
  }
}

/** Where an id of the container is in our own namespace. */
export function toOutside(mappings: IdMappings["uids"] | undefined, id: number): number {
  if (mappings === undefined) return id;
  const range = mappings.find(({ inside, size }) => id >= inside && id < inside + size);
  if (range === undefined)
    throw new CooperError(
      "invalid-argument",
      `id ${id} is not mapped in the container's user namespace`,
    );
  return range.outside + (id - range.inside);
}
