/**
 * A checkpoint as a file that another machine can restore: a tar of
 *
 *   container.json    what was asked of the container, and of which image it was made
 *   checkpoint/       criu's images
 *   shm.tar           /dev/shm
 *   rootfs.tar        what it changed in its image's files, as a layer has it
 *   volumes/N.tar     its volumes, in the order of container.json
 *   ctr.log           what it has printed
 */
import {
  copyFileSync,
  cpSync,
  createReadStream,
  existsSync,
  mkdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { CooperError } from "../../errors.ts";
import type { Host } from "../../host.ts";
import { openStage, type Stage } from "../../image/stage.ts";
import { compressed } from "../../layer/compress.ts";
import { uncompressed } from "../../layer/decompress.ts";
import { packTree } from "../../layer/pack.ts";
import { placeTar } from "../../layer/place.ts";
import { OpenDirectory } from "../../system/tree-read.ts";
import { writeTar } from "../export.ts";
import type { ContainerRecord } from "../record.ts";
import { type ConfiguredSpec, emptySpec } from "../spec.ts";
import { isMountPoint, openUpper, ownerMap } from "../trees.ts";
import { exportVolume } from "../volume-contents.ts";
import type { ExportOptions } from "./checkpoint.ts";

/** What container.json holds. */
export interface CheckpointManifest {
  readonly format: "cooper-checkpoint-1";
  readonly name: string;
  readonly imageName: string;
  readonly imageId: string;
  readonly spec: ConfiguredSpec;
  readonly volumes: ContainerRecord["resolved"]["volumes"];
}

const manifestName = "container.json";
const maxManifestBytes = 8 << 20;

/** criu keeps the memory of processes; what is in /dev/shm is a file system of ours. */
export async function keepSharedMemory(
  host: Host,
  container: ContainerRecord,
  checkpoint: string,
): Promise<void> {
  const { shm } = host.paths.container(container.id);
  if (container.spec.ipc.kind !== "shareable" || !existsSync(shm)) return;
  using tree = OpenDirectory.at(shm);
  await writeTar(packTree(tree, { kind: "filesystem" }), join(checkpoint, "shm.tar"));
}

/** Writes a checkpoint that was just made to a file; the caller holds the container's lock. */
export async function exportCheckpoint(
  host: Host,
  container: ContainerRecord,
  options: ExportOptions,
): Promise<void> {
  const { id, name, imageId, spec, resolved } = container;
  const paths = host.paths.container(id);
  using stage = await openStage(host);
  const at = (file: string) => join(stage.directory, file);
  const manifest: CheckpointManifest = {
    format: "cooper-checkpoint-1",
    name,
    imageName: resolved.imageName,
    imageId: imageId ?? "",
    spec,
    volumes: options.ignoresVolumes ? [] : resolved.volumes,
  };
  writeFileSync(at(manifestName), JSON.stringify(manifest));
  if (existsSync(paths.log)) copyFileSync(paths.log, at("ctr.log"));
  cpSync(paths.checkpoint, at("checkpoint"), { recursive: true });
  if (!options.ignoresRootfs) await packRootfs(host, container, at("rootfs.tar"));
  mkdirSync(at("volumes"));
  for (const [number, volume] of manifest.volumes.entries())
    await exportVolume(host, volume.name, at(`volumes/${number}.tar`));
  using tree = OpenDirectory.at(stage.directory);
  const tar = packTree(tree, { kind: "filesystem" });
  const { compression, file } = options;
  await writeTar(compression === "none" ? tar : compressed(tar, compression), file);
}

async function packRootfs(host: Host, container: ContainerRecord, file: string): Promise<void> {
  using scratch = await openStage(host);
  using changes = await openUpper(host, container, scratch.directory);
  if (changes === undefined) return;
  const tar = packTree(changes, {
    kind: "changeset",
    mapOwner: ownerMap(container),
    leavesOut: isMountPoint,
  });
  await writeTar(tar, file);
}

/** An archive that was read in. */
export interface OpenArchive extends Disposable {
  readonly directory: string;
  readonly manifest: CheckpointManifest;
}

/** Reads an archive into a stage. */
export async function openArchive(host: Host, file: string): Promise<OpenArchive> {
  if (!existsSync(file)) throw new CooperError("invalid-argument", `no such file: ${file}`);
  const stage = await openStage(host);
  try {
    await placeTar(uncompressed(createReadStream(file, { highWaterMark: 1 << 20 })), {
      root: stage.directory,
      directory: "/",
      name: null,
      owner: null,
      overwrites: true,
    });
    return opened(stage, file);
  } catch (error) {
    stage[Symbol.dispose]();
    throw error;
  }
}

function opened(stage: Stage, file: string): OpenArchive {
  const path = join(stage.directory, manifestName);
  if (!existsSync(path)) {
    const isPodmans = existsSync(join(stage.directory, "config.dump"));
    throw new CooperError(
      isPodmans ? "not-supported" : "invalid-argument",
      `${file} is ${isPodmans ? "a checkpoint of Podman's, whose settings are libpod's own" : "no checkpoint"}`,
    );
  }
  if (statSync(path).size > maxManifestBytes)
    throw new CooperError("hostile", `${file}: its ${manifestName} is larger than 8 MiB`);
  const manifest = decodeManifest(JSON.parse(readFileSync(path, "utf8")), file);
  const dispose = () => stage[Symbol.dispose]();
  return { directory: stage.directory, manifest, [Symbol.dispose]: dispose };
}

function decodeManifest(value: unknown, file: string): CheckpointManifest {
  const fields = isRecord(value) ? value : {};
  const { format, name, imageName, imageId, spec, volumes } = fields;
  const hasVolumes =
    Array.isArray(volumes) &&
    volumes.every((one) => isRecord(one) && typeof one.target === "string");
  if (
    format !== "cooper-checkpoint-1" ||
    ![name, imageName, imageId].every((text) => typeof text === "string") ||
    !hasVolumes ||
    !isLike(spec, emptySpec())
  )
    throw new CooperError("corrupt", `${file}: its ${manifestName} is not what cooper writes`);
  return value as CheckpointManifest;
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Whether it has all keys of the pattern, with values of the same kind; null may be anything. */
function isLike(value: unknown, pattern: unknown): boolean {
  if (pattern === null) return true;
  if (Array.isArray(pattern)) return Array.isArray(value);
  if (!isRecord(pattern)) return typeof value === typeof pattern;
  return (
    isRecord(value) &&
    Object.entries(pattern).every(([key, one]) => key in value && isLike(value[key], one))
  );
}
