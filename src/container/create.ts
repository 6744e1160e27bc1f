/** Making a container: everything that is decided before its first start, as one record. */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CooperError } from "../errors.ts";
import type { Host } from "../host.ts";
import type { FetchOptions } from "../image/for-container.ts";
import type { Attachment } from "../network/model.ts";
import type { ImageConfig } from "../oci/image-config.ts";
import { parseSignal } from "../oci/signals.ts";
import { findContainerByName, insertContainer, resolveContainer } from "../records/containers.ts";
import { randomHex } from "../system/random.ts";
import { makeSpreadDirectory } from "../system/spread.ts";
import { ownerOf } from "../volume/driver-options.ts";
import { ensureVolume, randomVolumeName } from "../volume/volume.ts";
import { cgroupManagerOf } from "./cgroup-place.ts";
import { checkSpec } from "./check-spec.ts";
import { isMonitorOf } from "./cleanup.ts";
import { configuredSpec } from "./configured.ts";
import { prepareVolumes } from "./copy-up.ts";
import { inheritVolumes, withImageVolumes } from "./create-mounts.ts";
import { emitContainer } from "./events.ts";
import { isAlive } from "./live-state.ts";
import { randomName } from "./names.ts";
import { decideMode } from "./networkless.ts";
import type { ContainerRecord, NetworkMode, ResolvedContainer } from "./record.ts";
import { findRuntime } from "./runtime-choice.ts";
import { runsSystemd } from "./runtime-config/command.ts";
import type { ContainerSpec, Mount } from "./spec.ts";
import { resolveIdMappings } from "./user-namespace.ts";

/** What is known of the image when a container is made from it. */
export interface ContainerImage {
  readonly id: string;
  /** Fully qualified. */
  readonly name: string;
  readonly digest: string;
  readonly config: ImageConfig;
  /** Lowest first. */
  readonly layers: readonly string[];
}

export interface CreateOptions {
  /** The words of the command line, for inspect. */
  readonly createCommand: readonly string[];
  /** A container of that name is removed first. */
  readonly replaces: boolean;
  readonly cidFile: string | null;
  /** How its image is fetched where it is missing. */
  readonly fetch?: FetchOptions;
  /** Whether the user namespace is chosen by what is mounted, where nobody has asked for one. */
  readonly choosesUserns?: boolean;
  /** See ResolvedContainer. */
  readonly buildDirectories?: readonly string[];
}

/** Makes a container; it is there, and only then, when this resolves. */
export async function createContainer(
  host: Host,
  asked: ContainerSpec,
  image: ContainerImage | null,
  options: CreateOptions,
): Promise<ContainerRecord> {
  // what was chosen for the one that this is a clone of is chosen anew, by what this one is made of
  const wasChosen = asked.userns?.kind === "keep-id" && asked.userns.reason !== undefined;
  const spec = configuredSpec(wasChosen ? { ...asked, userns: null } : asked, host.settings);
  checkSpec(spec);
  for (const key of Object.keys(spec.log.options)) {
    if (["compress", "mode", "max-buffer-size"].includes(key))
      host.warn(`--log-opt ${key} is without effect: conmon writes plain text files`);
  }
  if (options.cidFile !== null && existsSync(options.cidFile)) {
    throw new CooperError("conflict", `the container id file ${options.cidFile} exists already`, {
      hint: "another container may use it; else remove the file",
    });
  }
  if (image === null && spec.rootfs === null)
    throw new CooperError("invalid-argument", "no image was named");
  if (spec.sdnotify === "healthy") await needHealthCheck(spec, image);
  if (spec.runtime !== null) await findRuntime(host, spec.runtime, host.settings.cgroupManager);
  if (options.replaces && spec.name !== null) await removeNamed(host, spec.name);
  spec.requires = spec.requires.map((name) => resolveContainer(host.database, name).id);
  const id = randomHex(32);
  await inheritVolumes(host, spec);
  withImageVolumes(host, spec, image?.config ?? null);
  const volumes = makeVolumes(host, spec.mounts);
  const networkMode = decideMode(host, spec);
  const attachments = await attachmentsOf(host, spec, networkMode);
  const isOpen = host.isRootless && spec.userns === null;
  if (isOpen && (options.choosesUserns || wasChosen)) {
    const { chosenUserns } = await import("./chosen-userns.ts");
    const user = image?.config.config?.User ?? "";
    spec.userns = chosenUserns(host, spec, user, image?.layers ?? []);
  }
  // until the container is there, its ids are nobody's yet
  using _ids = spec.userns?.kind === "auto" ? await host.locks.ids() : undefined;
  const resolved: ResolvedContainer = {
    imageName: image?.name ?? "",
    imageDigest: image?.digest ?? "",
    imageConfig: image?.config ?? null,
    layers: image?.layers ?? [],
    ...(options.buildDirectories !== undefined && { buildDirectories: options.buildDirectories }),
    volumes,
    idMappings: resolveIdMappings(host, spec, image?.layers ?? []),
    networkMode,
    logDriver: spec.log.driver ?? host.settings.logDriver,
    logPath: spec.log.options.path ?? configuredLogPath(host, id),
    cgroupManager: cgroupManagerOf(host, spec),
    stopSignal: stopSignal(host, spec, image?.config ?? null),
    stopTimeoutSeconds: spec.stopTimeoutSeconds ?? host.settings.stopTimeoutSeconds,
    createCommand: options.createCommand,
  };
  if (spec.name !== null) await reclaimName(host, spec.name);
  const made = { id, imageId: image?.id ?? null, spec, resolved, frozenId: null };
  const container = insertNamed(host, made, attachments);
  announce(host, container);
  if (host.settings.prepareVolumeOnCreate) await prepareVolumes(host, container);
  if (options.cidFile !== null) writeFileSync(options.cidFile, id, { flag: "wx" });
  return container;
}

async function needHealthCheck(spec: ContainerSpec, image: ContainerImage | null): Promise<void> {
  const { healthCheckOf } = await import("./health/state.ts");
  if (healthCheckOf(spec, image?.config ?? null) !== null) return;
  throw new CooperError("invalid-argument", "--sdnotify healthy needs a health check", {
    hint: "name one with --health-cmd",
  });
}

async function attachmentsOf(
  host: Host,
  spec: ContainerSpec,
  mode: NetworkMode,
): Promise<Attachment[]> {
  if (mode !== "bridge") return [];
  return (await import("./network-mode.ts")).askedAttachments(host, spec);
}

/** containers.conf, `log_path`: a directory for each container below it. */
export function configuredLogPath(host: Host, id: string): string {
  const { logPath } = host.settings;
  return logPath === null ? host.paths.container(id).log : join(logPath, id, "ctr.log");
}

async function removeNamed(host: Host, name: string): Promise<void> {
  const { removeContainer } = await import("./remove.ts");
  try {
    resolveContainer(host.database, name);
  } catch (error) {
    if (error instanceof CooperError && error.code === "no-such-container") return;
    throw error;
  }
  await removeContainer(host, name, { force: true, volumes: true, graceSeconds: null });
}

/**
 * A `--rm` container whose clean-up never came, because the machine or its monitor went down under it,
 * gives its name back to who asks for it.
 */
export async function reclaimName(host: Host, name: string): Promise<void> {
  const holder = findContainerByName(host.database, name);
  if (holder === undefined || !holder.spec.removesItself || holder.pid === 0) return;
  if (isAlive(holder) || isMonitorOf(holder.conmonPid, holder.id)) return;
  await removeNamed(host, name);
}

/** Makes the row, and that alone. Without a name one is drawn, again while it is taken. */
export function insertNamed(
  host: Host,
  made: Pick<ContainerRecord, "id" | "imageId" | "spec" | "resolved" | "frozenId">,
  attachments: readonly Attachment[],
): ContainerRecord {
  const { spec } = made;
  for (let attempt = 0; ; attempt++) {
    const container: ContainerRecord = {
      ...made,
      name: spec.name ?? randomName(attempt),
      createdAt: Date.now(),
      intent: "created",
      pid: 0,
      pidIdentity: "",
      conmonPid: 0,
      startedAt: 0,
      finishedAt: 0,
      exitCode: 0,
      oomKilled: false,
      restartCount: 0,
      quickEnds: 0,
      stoppedBy: "nobody",
      error: "",
      freezingId: null,
    };
    try {
      insertContainer(host.database, container, attachments);
      return container;
    } catch (error) {
      const isTaken = error instanceof CooperError && error.code === "name-in-use";
      if (!isTaken || spec.name !== null || attempt > 20) throw error;
    }
  }
}

/** What follows the row: its directory, and the event. */
export function announce(host: Host, container: ContainerRecord): void {
  makeSpreadDirectory(host.paths.containers, 0o700);
  mkdirSync(host.paths.container(container.id).directory, { recursive: true, mode: 0o700 });
  emitContainer(host, container, "create");
}

/** Volumes are made with the container, so that a copy into them can be seen by `inspect` at once. */
export function makeVolumes(host: Host, mounts: Mount[]): ResolvedContainer["volumes"] {
  const volumes: { target: string; name: string; isAnonymous: boolean }[] = [];
  for (const mount of mounts) {
    if (mount.kind !== "volume") continue;
    const isAnonymous = mount.name === null;
    const name = mount.name ?? randomVolumeName();
    ensureVolume(host, {
      name,
      isAnonymous,
      labels: mount.labels,
      options: mount.driverOptions,
      ...ownerOf(mount.driverOptions),
    });
    mount.name = name;
    volumes.push({ target: mount.target, name, isAnonymous });
  }
  return volumes;
}

function stopSignal(host: Host, spec: ContainerSpec, image: ImageConfig | null): number {
  const text = spec.stopSignal ?? image?.config?.StopSignal;
  if (text === undefined || text === "") {
    // systemd(1), "Signals": that one halts it, while SIGTERM makes it execute itself anew
    return parseSignal(runsSystemd(spec, image) ? "SIGRTMIN+3" : "SIGTERM");
  }
  try {
    return parseSignal(text);
  } catch (error) {
    if (spec.stopSignal !== null) throw error;
    host.warn(`the image's stop signal ${JSON.stringify(text)} is none; SIGTERM is used`);
    return parseSignal("SIGTERM");
  }
}
