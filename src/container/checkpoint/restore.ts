/** `container restore`: processes go on where a checkpoint froze them. */
import {
  copyFileSync,
  createReadStream,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { CooperError } from "../../errors.ts";
import type { Host } from "../../host.ts";
import { imageForContainer } from "../../image/for-container.ts";
import { findNamedImage } from "../../image/resolve.ts";
import { placeTar } from "../../layer/place.ts";
import { unpackLayer } from "../../layer/unpack.ts";
import { layerPaths } from "../../paths.ts";
import { changeContainer, resolveContainer } from "../../records/containers.ts";
import { getVolume } from "../../records/volumes.ts";
import { settleContainer } from "../cleanup.ts";
import { type ContainerImage, createContainer } from "../create.ts";
import { emitContainer } from "../events.ts";
import { isAlive } from "../live-state.ts";
import type { ContainerRecord } from "../record.ts";
import { removeContainer } from "../remove.ts";
import type { ConfiguredSpec, PortRequest } from "../spec.ts";
import { startLocked } from "../start.ts";
import { importVolume } from "../volume-contents.ts";
import { type CheckpointManifest, type OpenArchive, openArchive } from "./archive.ts";
import {
  type CheckpointReport,
  checkpointPlace,
  criuRecords,
  removeRecords,
  since,
} from "./checkpoint.ts";
import { assertCheckpoints, type CriuOptions, criuFailure, criuFlags } from "./criu.ts";
import { noCheckpoint } from "./named.ts";
import { criuStatistics } from "./statistics.ts";

export interface RestoreOptions extends CriuOptions {
  /** The checkpoint stays, with criu's logs and counts. */
  readonly keeps: boolean;
  /** A checkpoint that was given a name, which stays; left out: the last one without. */
  readonly checkpoint?: string;
}

export interface ImportOptions extends RestoreOptions {
  /** null: that of the original. */
  readonly name: string | null;
  /** Instead of the original's; null: the same. */
  readonly ports: readonly PortRequest[] | null;
  readonly ignoresRootfs: boolean;
  readonly ignoresVolumes: boolean;
  readonly ignoresStaticIp: boolean;
  readonly ignoresStaticMac: boolean;
  readonly createCommand: readonly string[];
}

/** Restores a container from the checkpoint that was made of it last. */
export async function restoreContainer(
  host: Host,
  nameOrId: string,
  options: RestoreOptions,
): Promise<CheckpointReport> {
  const begun = performance.now();
  assertCheckpoints(host, "restore", nameOrId);
  const { id } = resolveContainer(host.database, nameOrId);
  using _lock = await host.locks.container(id);
  const container = await settleContainer(host, id);
  if (container === undefined)
    throw new CooperError("no-such-container", `no such container: ${nameOrId}`);
  if (isAlive(container))
    throw new CooperError("wrong-state", `cannot restore ${nameOrId}: it is running`);
  const directory = checkpointPlace(host, id, options.checkpoint);
  if (!existsSync(join(directory, "inventory.img"))) {
    if (options.checkpoint !== undefined) throw noCheckpoint(options.checkpoint, container);
    throw new CooperError("wrong-state", `there is no checkpoint of ${nameOrId}`, {
      hint: `make one while it runs: cooper container checkpoint ${nameOrId}`,
    });
  }
  const restored = await restoreFrom(host, container, directory, options);
  if (options.keeps || options.checkpoint !== undefined) removeRecords(directory);
  else rmSync(directory, { recursive: true, force: true });
  emitContainer(host, container, "restore");
  return { ...restored, id, microseconds: since(begun) };
}

async function restoreFrom(
  host: Host,
  container: ContainerRecord,
  directory: string,
  options: RestoreOptions,
): Promise<Pick<CheckpointReport, "runtimeMicroseconds" | "criu">> {
  const { shm, bundle } = host.paths.container(container.id);
  const begun = performance.now();
  const bringHome = () => {
    for (const name of criuRecords) {
      if (existsSync(join(bundle, name))) copyFileSync(join(bundle, name), join(directory, name));
    }
  };
  changeContainer(host.database, container.id, { stoppedBy: "nobody" });
  try {
    await startLocked(host, container, {
      isForeground: false,
      restore: {
        directory,
        flags: [...(container.spec.hasTty ? ["--shell-job"] : []), ...criuFlags(options)],
        async prepare() {
          const tar = join(directory, "shm.tar");
          if (!existsSync(tar)) return;
          const target = { directory: "/", name: null, owner: null, overwrites: true };
          await placeTar(createReadStream(tar), { root: shm, ...target });
        },
        settled: bringHome,
      },
    });
  } catch (cause) {
    changeContainer(host.database, container.id, { stoppedBy: container.stoppedBy });
    throw criuFailure("restore", container.name, directory, cause);
  }
  const counts = join(directory, "stats-restore");
  return {
    runtimeMicroseconds: since(begun),
    criu: existsSync(counts) ? criuStatistics(readFileSync(counts)) : {},
  };
}

/** Makes a container of an exported checkpoint, and restores it. */
export async function restoreArchive(
  host: Host,
  file: string,
  options: ImportOptions,
): Promise<CheckpointReport> {
  assertCheckpoints(host, "restore", file);
  using archive = await openArchive(host, file);
  const { manifest } = archive;
  const spec = specOf(host, manifest, options);
  const container = await createContainer(host, spec, await imageOf(host, manifest), {
    createCommand: options.createCommand,
    replaces: false,
    cidFile: null,
  });
  try {
    await fill(host, container, archive, options);
    return await restoreContainer(host, container.id, options);
  } catch (error) {
    await removeContainer(host, container.id, { force: true, volumes: true, graceSeconds: null });
    throw error;
  }
}

/** The very image, under whatever name it is here; else what its name leads to. */
async function imageOf(
  host: Host,
  { imageId, imageName, spec }: CheckpointManifest,
): Promise<ContainerImage | null> {
  if (spec.rootfs !== null) return null;
  const here = findNamedImage(host, imageId);
  if (here === undefined) {
    const found = await imageForContainer(host, imageName, spec);
    if (found.id === imageId) return found;
    throw new CooperError(
      "no-such-image",
      `the image ${imageName} is another one than that of the checkpoint (${imageId.slice(0, 12)})`,
    );
  }
  const { image } = here;
  return {
    id: image.id,
    name: imageName,
    digest: image.manifestDigest ?? "",
    config: image.config,
    layers: image.layers,
  };
}

function specOf(host: Host, manifest: CheckpointManifest, options: ImportOptions): ConfiguredSpec {
  const { spec, volumes } = manifest;
  const anonymous = new Set(volumes.flatMap((one) => (one.isAnonymous ? [one.target] : [])));
  const taken = volumes.find(
    ({ name, isAnonymous }) => !isAnonymous && getVolume(host.database, name) !== undefined,
  );
  if (taken !== undefined && !options.ignoresVolumes) {
    throw new CooperError("name-in-use", `there is a volume ${taken.name} already`, {
      hint: "--ignore-volumes leaves it as it is",
    });
  }
  const { networking } = spec;
  const keep = {
    addresses: (list: string[]) => (options.ignoresStaticIp ? [] : list),
    mac: (text: string | null) => (options.ignoresStaticMac ? null : text),
  };
  return {
    ...spec,
    name: options.name ?? manifest.name,
    mounts: spec.mounts.map((mount) =>
      mount.kind === "volume" && anonymous.has(mount.target) ? { ...mount, name: null } : mount,
    ),
    networking: {
      ...networking,
      addresses: keep.addresses(networking.addresses),
      macAddress: keep.mac(networking.macAddress),
      networks: networking.networks.map((network) => ({
        ...network,
        addresses: keep.addresses(network.addresses),
        macAddress: keep.mac(network.macAddress),
      })),
      ports: options.ports?.slice() ?? networking.ports,
    },
  };
}

/** What the archive holds goes where the new container has it. */
async function fill(
  host: Host,
  container: ContainerRecord,
  { directory, manifest }: OpenArchive,
  options: ImportOptions,
): Promise<void> {
  const paths = host.paths.container(container.id);
  const at = (file: string) => join(directory, file);
  if (!options.ignoresRootfs && existsSync(at("rootfs.tar"))) {
    if (container.resolved.idMappings !== null) {
      throw new CooperError(
        "not-supported",
        `the files of ${container.name} are shifted by its user namespace, which a checkpoint does not bring along`,
        { hint: "--ignore-rootfs leaves them out" },
      );
    }
    const chunks = createReadStream(at("rootfs.tar"));
    await unpackLayer({ kind: "stream", chunks }, at("rootfs"));
    renameSync(layerPaths(at("rootfs")).diff, paths.upper);
  }
  if (!options.ignoresVolumes) {
    for (const [number, { target }] of manifest.volumes.entries()) {
      const volume = container.resolved.volumes.find((one) => one.target === target);
      const tar = at(`volumes/${number}.tar`);
      if (volume !== undefined && existsSync(tar))
        await importVolume(host, volume.name, createReadStream(tar));
    }
  }
  if (existsSync(at("ctr.log"))) {
    mkdirSync(dirname(container.resolved.logPath), { recursive: true, mode: 0o700 });
    copyFileSync(at("ctr.log"), container.resolved.logPath);
  }
  renameSync(at("checkpoint"), paths.checkpoint);
}
