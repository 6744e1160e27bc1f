/**
 * Devices by name: what vendors describe in files of the Container Device Interface (CDI SPEC.md,
 * version 1.1) is put into a container's config. The files are the host's: as trusted as its runtime.
 */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { CooperError, errnoName, messageOf } from "../errors.ts";
import { isObject } from "../oci/json.ts";
import {
  type HookStage,
  hookStages,
  type RuntimeHook,
  type RuntimeMount,
} from "../oci/runtime-spec.ts";
import { isCdiName } from "./options/files.ts";
import { toDevice } from "./resolve-devices.ts";
import type { DeviceEdits, ResolvedDevice } from "./runtime-config/input.ts";
import type { ContainerSpec } from "./spec.ts";

type Fields = Readonly<Record<string, unknown>>;

/** One description file. */
interface CdiFile {
  readonly path: string;
  /** `vendor.com/class`. */
  readonly kind: string;
  readonly edits: Fields;
  readonly devices: ReadonlyMap<string, Fields>;
}

/** What the CDI devices of a spec add to its config, in the order in which they were named. */
export function cdiEdits(
  directories: readonly string[],
  spec: Pick<ContainerSpec, "devices" | "gpus">,
): { devices: ResolvedDevice[]; edits: DeviceEdits } {
  const named = spec.devices.map(({ source }) => source).filter(isCdiName);
  const edits = new Edits();
  if (named.length === 0 && spec.gpus.length === 0) return edits.result();
  const { files, broken } = readCdi(directories);
  const applied = new Set<CdiFile>();
  for (const name of [...named, ...spec.gpus.map((gpu) => gpuName(gpu, files))]) {
    const [kind = "", device = ""] = name.split(/=(.*)/s, 2);
    // the last directory goes before the others
    const file = files.findLast((one) => one.kind === kind && one.devices.has(device));
    if (file === undefined) throw unknownDevice(name, files, broken, directories);
    try {
      if (!applied.has(file)) edits.add(file.edits);
      edits.add(file.devices.get(device) ?? {});
    } catch (cause) {
      if (cause instanceof CooperError) throw cause;
      throw new CooperError("invalid-argument", `${file.path}: ${name}: ${messageOf(cause)}`, {
        cause,
      });
    }
    applied.add(file);
  }
  return edits.result();
}

/** `all` and ids are of the vendor whose GPUs are described; NVIDIA's where there are several or none. */
function gpuName(gpu: string, files: readonly CdiFile[]): string {
  if (isCdiName(gpu)) return gpu;
  const kinds = new Set(files.map(({ kind }) => kind).filter((kind) => kind.endsWith("/gpu")));
  const [only] = kinds;
  return `${kinds.size === 1 && only !== undefined ? only : "nvidia.com/gpu"}=${gpu}`;
}

function unknownDevice(
  name: string,
  files: readonly CdiFile[],
  broken: readonly string[],
  directories: readonly string[],
): CooperError {
  const others = files.flatMap(({ kind, devices }) =>
    [...devices.keys()].map((id) => `${kind}=${id}`),
  );
  const hint =
    broken.length > 0
      ? `a description cannot be read: ${broken.join("; ")}`
      : others.length > 0
        ? `described are ${others.join(", ")}`
        : name.startsWith("nvidia.com/")
          ? "nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml"
          : `devices are described in ${directories.join(" and ")}`;
  return new CooperError("no-such-object", `no CDI device ${name}`, { hint });
}

/** A broken file is no reason to fail for who does not need it. */
function readCdi(directories: readonly string[]): { files: CdiFile[]; broken: string[] } {
  const files: CdiFile[] = [];
  const broken: string[] = [];
  for (const directory of directories) {
    for (const name of namesIn(directory)) {
      const path = join(directory, name);
      try {
        const text = readFileSync(path, "utf8");
        files.push(
          decodeCdi(path, name.endsWith(".json") ? JSON.parse(text) : Bun.YAML.parse(text)),
        );
      } catch (error) {
        broken.push(`${path}: ${messageOf(error)}`);
      }
    }
  }
  return { files, broken };
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory)
      .filter((name) => /\.(json|ya?ml)$/.test(name))
      .sort();
  } catch (error) {
    if (errnoName(error) === "ENOENT") return [];
    throw error;
  }
}

/** @throws Error that says what is wrong */
function decodeCdi(path: string, value: unknown): CdiFile {
  if (!isObject(value)) throw new Error("it is no object");
  const { cdiVersion, kind, devices } = value;
  if (typeof cdiVersion !== "string" || !/^(0\.[3-8]|1\.[01])\./.test(cdiVersion))
    throw new Error(`cdiVersion ${JSON.stringify(cdiVersion)} is not known`);
  if (typeof kind !== "string" || !isCdiName(`${kind}=x`))
    throw new Error("kind is not VENDOR/CLASS");
  const byName = new Map<string, Fields>();
  for (const device of Array.isArray(devices) ? (devices as unknown[]) : []) {
    if (!isObject(device)) throw new Error("a device is no object");
    const name = typeof device.name === "number" ? `${device.name}` : device.name; // YAML's bare 0
    if (typeof name !== "string" || byName.has(name))
      throw new Error(`device ${JSON.stringify(name)} has no name of its own`);
    byName.set(name, isObject(device.containerEdits) ? device.containerEdits : {});
  }
  return {
    path,
    kind,
    edits: isObject(value.containerEdits) ? value.containerEdits : {},
    devices: byName,
  };
}

/** Collects what several descriptions ask for. */
class Edits {
  private readonly env: string[] = [];
  private readonly mounts = new Map<string, RuntimeMount>();
  private readonly devices = new Map<string, ResolvedDevice>();
  private readonly hooks: Partial<Record<HookStage, RuntimeHook[]>> = {};
  private readonly gids = new Set<number>();
  private rdtClass: string | null = null;

  add(edits: Fields): void {
    this.env.push(...listOf(edits.env, "env").map((entry) => text(entry, "env")));
    for (const node of listOf(edits.deviceNodes, "deviceNodes")) {
      const device = deviceNode(fieldsOf(node, "deviceNodes"));
      this.devices.set(device.path, device);
    }
    for (const mount of listOf(edits.mounts, "mounts")) {
      const decoded = mountOf(fieldsOf(mount, "mounts"));
      this.mounts.set(decoded.destination, decoded);
    }
    for (const hook of listOf(edits.hooks, "hooks")) {
      const { stage, ...rest } = hookOf(fieldsOf(hook, "hooks"));
      this.hooks[stage] = [...(this.hooks[stage] ?? []), rest.hook];
    }
    // 0 stands for "not given" in Go's encoding
    for (const gid of listOf(edits.additionalGids, "additionalGids"))
      if (whole(gid, "additionalGids") > 0) this.gids.add(whole(gid, "additionalGids"));
    if (edits.intelRdt !== undefined) {
      const { closID } = fieldsOf(edits.intelRdt, "intelRdt");
      this.rdtClass = closID === undefined ? this.rdtClass : text(closID, "intelRdt.closID");
    }
    if (listOf(edits.netDevices, "netDevices").length > 0)
      throw new CooperError("not-supported", "CDI: netDevices are not supported");
  }

  result(): { devices: ResolvedDevice[]; edits: DeviceEdits } {
    return {
      devices: [...this.devices.values()],
      edits: {
        env: this.env,
        mounts: [...this.mounts.values()],
        hooks: this.hooks,
        additionalGids: [...this.gids],
        rdtClass: this.rdtClass,
      },
    };
  }
}

/** What the description leaves out is looked up at the device itself. */
function deviceNode(node: Fields): ResolvedDevice {
  const path = absolute(node.path, "deviceNodes.path");
  const source =
    node.hostPath === undefined ? path : absolute(node.hostPath, "deviceNodes.hostPath");
  const access = node.permissions === undefined ? "rwm" : text(node.permissions, "permissions");
  if (!/^[rwm]{1,3}$/.test(access))
    throw new Error(`permissions "${access}" are not of r, w and m`);
  const found =
    statSync(source, { throwIfNoEntry: false }) === undefined
      ? undefined
      : toDevice({ source, target: path, access });
  const number = (key: string, otherwise: number | undefined) =>
    node[key] === undefined ? otherwise : whole(node[key], key);
  const [major, minor] = [number("major", found?.major), number("minor", found?.minor)];
  const type = node.type ?? found?.type;
  if (major === undefined || minor === undefined || (type !== "c" && type !== "b" && type !== "u"))
    throw new Error(`there is no device ${source} on this host`);
  return {
    source,
    path,
    type: type === "b" ? "b" : "c",
    major,
    minor,
    mode: number("fileMode", found?.mode) ?? 0o660,
    uid: number("uid", found?.uid) ?? 0,
    gid: number("gid", found?.gid) ?? 0,
    access,
  };
}

function mountOf(mount: Fields): RuntimeMount {
  const options = listOf(mount.options, "mounts.options").map((word) => text(word, "options"));
  return {
    destination: absolute(mount.containerPath, "mounts.containerPath"),
    source: text(mount.hostPath, "mounts.hostPath"),
    type: mount.type === undefined || mount.type === "" ? "bind" : text(mount.type, "mounts.type"),
    options: options.length > 0 ? options : ["bind", "ro", "nosuid", "nodev"],
  };
}

function hookOf(hook: Fields): { stage: HookStage; hook: RuntimeHook } {
  const stage = hookStages.find((one) => one === hook.hookName);
  if (stage === undefined) throw new Error(`hookName ${JSON.stringify(hook.hookName)} is none`);
  const strings = (key: string) => listOf(hook[key], key).map((word) => text(word, key));
  return {
    stage,
    hook: {
      path: absolute(hook.path, "hooks.path"),
      args: strings("args"),
      env: strings("env"),
      ...(hook.timeout !== undefined && { timeout: whole(hook.timeout, "timeout") }),
    },
  };
}

function listOf(value: unknown, what: string): unknown[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw new Error(`${what} is no list`);
  return value;
}

function fieldsOf(value: unknown, what: string): Fields {
  if (!isObject(value)) throw new Error(`${what} holds what is no object`);
  return value;
}

function text(value: unknown, what: string): string {
  if (typeof value !== "string" || value.includes("\0")) throw new Error(`${what} is no text`);
  return value;
}

function absolute(value: unknown, what: string): string {
  const path = text(value, what);
  if (!path.startsWith("/")) throw new Error(`${what} "${path}" is no absolute path`);
  return path;
}

function whole(value: unknown, what: string): number {
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0)
    throw new Error(`${what} is no number`);
  return value;
}
