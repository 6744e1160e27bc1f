/**
 * `push` to a place that is no registry: archives and directories are written as `save` writes them,
 * under the name that the location gives; a Docker on this machine is handed an archive, and Podman's
 * store is left to skopeo, since only containers/storage knows how it may be written.
 */
import { existsSync, statSync } from "node:fs";
import { CooperError } from "../errors.ts";
import type { Host } from "../host.ts";
import type { Digest } from "../oci/digest.ts";
import { dockerReference, formatLocation, type ImageLocation } from "../oci/location.ts";
import { formatReference } from "../oci/reference.ts";
import { findProgram, needProgram } from "../system/program.ts";
import { caller } from "../system/userns.ts";
import { isDockerRunning, loadIntoDocker } from "./docker-daemon.ts";
import { dockerSocket } from "./foreign-places.ts";
import { familyOf, type LayerCompression } from "./outgoing.ts";
import { resolveNamedImage } from "./resolve.ts";
import { type SavedImage, type SaveOptions, saveImages } from "./save.ts";
import { openStage } from "./stage.ts";

export interface PushLocationOptions {
  /** Which family of media types, where the format leaves a choice; null: the image's own. */
  readonly family: "oci" | "docker" | null;
  /** null: as layers came. */
  readonly compression: LayerCompression | null;
  /** Of what is compressed; null: fast. */
  readonly level: number | null;
  readonly signal?: AbortSignal;
}

/** Writes the image there. Resolves to the digest of the manifest that it has there. */
export async function pushToLocation(
  host: Host,
  name: string,
  location: ImageLocation,
  options: PushLocationOptions,
): Promise<Digest> {
  switch (location.kind) {
    case "docker-daemon":
      return pushToDocker(host, name, location, options);
    case "containers-storage":
      return pushToStorage(host, name, location, options);
    default:
      return pushToPath(host, name, location, options);
  }
}

type Place<Kind extends ImageLocation["kind"]> = Extract<ImageLocation, { readonly kind: Kind }>;

const formats = {
  oci: "oci-dir",
  "oci-archive": "oci-archive",
  "docker-archive": "docker-archive",
  dir: "docker-dir",
} as const;

async function pushToPath(
  host: Host,
  name: string,
  location: Place<keyof typeof formats>,
  options: PushLocationOptions,
): Promise<Digest> {
  const selection = location.kind === "dir" ? null : location.selection;
  if (selection !== null && selection.by !== "name")
    throw new CooperError(
      "invalid-argument",
      `${formatLocation(location)} cannot be written: a new image there gets a name, not a place or digest`,
    );
  const { path } = location;
  if (location.kind === "docker-archive" && isFilled(path))
    throw new CooperError("invalid-argument", `${path} exists, and is not overwritten`, {
      hint: "several images go into one archive with: cooper save -o FILE IMAGE IMAGE",
    });
  const names =
    selection === null
      ? []
      : [
          location.kind === "docker-archive"
            ? formatReference(dockerReference(selection.name))
            : selection.name,
        ];
  return save(host, name, { format: formats[location.kind], output: path, names }, options);
}

const isFilled = (path: string): boolean =>
  (statSync(path, { throwIfNoEntry: false })?.size ?? 0) > 0;

async function save(
  host: Host,
  name: string,
  target: Pick<SaveOptions, "format" | "output"> & { readonly names: readonly string[] },
  { family, compression, level, signal }: PushLocationOptions,
): Promise<Digest> {
  const isDirectory = target.format === "docker-dir";
  const own = isDirectory ? familyOf(host, resolveNamedImage(host, name).image) : undefined;
  const [saved] = await saveImages(host, [name], {
    format: target.format,
    output: target.output,
    compression,
    level,
    namesThere: target.names,
    ...(isDirectory && { family: family ?? own ?? "oci" }),
    ...(signal !== undefined && { signal }),
  });
  return digestOf(saved);
}

function digestOf(saved: SavedImage | undefined): Digest {
  if (saved !== undefined) return saved.digest;
  throw new CooperError("internal", "bug in Cooper: nothing was saved");
}

async function pushToDocker(
  host: Host,
  name: string,
  location: Place<"docker-daemon">,
  options: PushLocationOptions,
): Promise<Digest> {
  const reference = dockerReference(location.image);
  if (location.image.startsWith("sha256:") || reference.digest !== null)
    throw new CooperError("invalid-argument", "in Docker a new image is named by a tag");
  const socket = dockerSocket(process.env, host.isRootless);
  if (!(await isDockerRunning(socket)))
    throw new CooperError("network", `no Docker answers at ${socket}`, {
      hint: "start it, or name its socket in DOCKER_HOST",
    });
  using upload = loadIntoDocker(socket, options.signal);
  const names = [formatReference(reference)];
  const target = { format: "docker-archive", output: upload.write, names } as const;
  const digest = await save(host, name, target, options);
  await upload.finish();
  return digest;
}

async function pushToStorage(
  host: Host,
  name: string,
  location: Place<"containers-storage">,
  options: PushLocationOptions,
): Promise<Digest> {
  const skopeo = findProgram("skopeo");
  if (skopeo === undefined)
    throw new CooperError("missing-helper", "writing to Podman's store needs skopeo", {
      hint: "apt-get install skopeo, or: cooper save IMAGE | podman load",
    });
  using stage = await openStage(host);
  const directory = stage.next("image");
  const digest = await save(
    host,
    name,
    { format: "docker-dir", output: directory, names: [] },
    options,
  );
  const { store, image } = location;
  const driver = store === null ? null : (store.driver ?? driverAt(store.graphRoot));
  const target = formatLocation({
    ...location,
    image,
    store: store === null ? null : { ...store, driver },
  });
  // the overlay driver leaves a mount of its directory behind, which is not for our namespace to keep
  const apart = [needProgram("unshare"), "--mount", "--"];
  const copied = Bun.spawn(
    [...apart, skopeo, "--insecure-policy", "copy", "--quiet", `dir:${directory}`, target],
    { stdio: ["ignore", "ignore", "pipe"], cwd: "/", env: storageEnvironment() },
  );
  const complaint = await new Response(copied.stderr).text();
  if ((await copied.exited) === 0) return digest;
  const why = /msg="(.*)"/.exec(complaint)?.[1] ?? complaint.trim().split("\n").at(-1);
  throw new CooperError("helper-failed", `skopeo cannot write ${target}: ${why}`);
}

/** c/storage would take its own default where a store of another driver is. */
function driverAt(root: string): string {
  return existsSync(`${root}/vfs-images`) && !existsSync(`${root}/overlay-images`)
    ? "vfs"
    : "overlay";
}

/** We are in the user's namespace already: containers/storage must not take us for the machine's root. */
function storageEnvironment(): Record<string, string | undefined> {
  const { isRootless, uid, gid } = caller();
  if (!isRootless) return process.env;
  return {
    ...process.env,
    _CONTAINERS_USERNS_CONFIGURED: "done",
    _CONTAINERS_ROOTLESS_UID: `${uid}`,
    _CONTAINERS_ROOTLESS_GID: `${gid}`,
  };
}
