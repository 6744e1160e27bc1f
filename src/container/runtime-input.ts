/** Looks up on the host all that a container's config.json is made from. */
import { existsSync, readFileSync } from "node:fs";
import { hostname as hostName, release } from "node:os";
import { join } from "node:path";
import { CooperError, messageOf } from "../errors.ts";
import type { Host } from "../host.ts";
import { resolveContainer } from "../records/containers.ts";
import { cgroupVersion } from "../system/cgroup.ts";
import {
  boundingCapabilities,
  canMountProc,
  idMap,
  ownOomScoreAdjust,
  ownRlimits,
} from "../system/own-limits.ts";
import { capSysResource, hasCapability } from "../system/process.ts";
import { findProgram, needProgram } from "../system/program.ts";
import { readInRoot } from "../system/rooted.ts";
import type { TerminalSize } from "../system/terminal.ts";
import { caller, isInUserNamespace } from "../system/userns.ts";
import { type Accounts, accountFiles } from "./account-files.ts";
import { cgroupPath } from "./cgroup-place.ts";
import { type ResolvedUser, resolveUser } from "./identity.ts";
import { isAlive } from "./live-state.ts";
import { isCdiName } from "./options/files.ts";
import { labelsOf } from "./process-of.ts";
import type { ContainerRecord } from "./record.ts";
import { blockDevices, resolveDevices } from "./resolve-devices.ts";
import { resolveMounts } from "./resolve-mounts.ts";
import { mountShm } from "./rootfs.ts";
import { chooseRuntime, forbiddenHere } from "./runtime-choice.ts";
import {
  type JoinedNamespaces,
  noEdits,
  type RuntimeInput,
  type RuntimeNetwork,
} from "./runtime-config/input.ts";
import { openSecrets } from "./secrets.ts";
import type { ContainerSpec, NamespaceMode } from "./spec.ts";

/** The root file system is mounted; files for /etc are added by the caller, who is told the host name. */
export async function gatherRuntimeInput(
  host: Host,
  container: ContainerRecord,
  network: RuntimeNetwork,
  terminalSize?: TerminalSize,
): Promise<{ input: RuntimeInput; hostname: string }> {
  const { spec, resolved } = container;
  const paths = host.paths.container(container.id);
  const accounts = {
    passwd: readInRoot(paths.merged, "/etc/passwd") ?? "",
    group: readInRoot(paths.merged, "/etc/group") ?? "",
  };
  const { idMappings } = resolved;
  const user = userOf(container, accounts);
  const inUserNamespace = isInUserNamespace();
  const mayMountProc = canMountProc(inUserNamespace);
  const hostname = hostnameOf(host, container);
  const cdi = await devicesByName(host, spec);
  const secrets = await openSecrets(host, container, { user, idMappings });
  const input: RuntimeInput = {
    id: container.id,
    name: container.name,
    hostname,
    spec,
    image: resolved.imageConfig,
    settings: host.settings,
    rootfsPath: paths.merged,
    user,
    terminalSize: terminalSize ?? null,
    mounts: [...(await resolveMounts(host, container, { user, idMappings })), ...secrets.mounts],
    secretEnv: secrets.env,
    files: {
      hosts: null,
      resolvConf: null,
      hostname: null,
      containerEnv: null,
      ...accountFiles(host, container, user, accounts),
      localtime: zoneFile(spec.timezone ?? host.settings.timezone),
    },
    shmPath: shmOf(host, container),
    network: networkOf(host, container, network),
    namespaces: joinedNamespaces(host, container),
    idMappings,
    devices: [...resolveDevices(host, spec), ...cdi.devices],
    notifyDirectory: notifyDirectory(container, paths.bundle),
    edits: cdi.edits,
    blockDevices: blockDevices(spec),
    cgroup: {
      version: cgroupVersion(),
      manager: resolved.cgroupManager,
      path: cgroupPath(host, container),
      canLimit: host.canLimit,
    },
    isRootless: inUserNamespace,
    engineIdMappings: inUserNamespace ? { uids: idMap("uid_map"), gids: idMap("gid_map") } : null,
    ownRlimits: ownRlimits(),
    canRaiseRlimits: !inUserNamespace && hasCapability(capSysResource),
    engineCapabilities: boundingCapabilities(),
    ownOomScoreAdjust: ownOomScoreAdjust(),
    initPath: initProgram(host, container),
    canMountProc: mayMountProc,
    canMountSysfs: mayMountProc,
    hasMqueue: true,
    canSetHostname: !forbiddenHere(host, await chooseRuntime(host, container)).includes("hostname"),
    extraMaskedPaths: [],
    hostEnv: process.env,
    seccompProfile: seccompProfile(host, container),
    architecture: process.arch === "x64" ? "amd64" : process.arch,
    kernelRelease: release(),
    hasApparmor: existsSync("/sys/module/apparmor/parameters/enabled"),
    selinux: null,
  };
  return { input, hostname };
}

function notifyDirectory({ spec }: ContainerRecord, bundle: string): string | null {
  const isAsked = process.env.NOTIFY_SOCKET && (spec.sdnotify ?? "container") === "container";
  return isAsked ? join(bundle, "notify") : null;
}

/** CDI: few containers have any, so that its files are not looked at otherwise. */
async function devicesByName(host: Host, spec: ContainerSpec) {
  if (spec.gpus.length === 0 && !spec.devices.some(({ source }) => isCdiName(source)))
    return { devices: [], edits: noEdits };
  const { cdiEdits } = await import("./cdi.ts");
  return cdiEdits(host.settings.cdiDirectories, spec);
}

/** Somebody without an entry in the image is at home where its work is, as the entry says that is made. */
function userOf({ spec, resolved }: ContainerRecord, accounts: Accounts): ResolvedUser {
  const user = resolveUser(
    userText({ spec, resolved }),
    accounts.passwd,
    accounts.group,
    spec.groups.filter((group) => group !== "keep-groups"),
  );
  if (user.name !== null || user.uid === 0 || !spec.managesPasswd) return user;
  return { ...user, home: spec.workdir ?? (resolved.imageConfig?.config?.WorkingDir || "/") };
}

/** `--userns keep-id` is asked for to be the same user inside, so that is the default there. */
export function userText({ spec, resolved }: Pick<ContainerRecord, "spec" | "resolved">): string {
  if (spec.user !== null) return spec.user;
  if (spec.userns?.kind === "keep-id" && spec.userns.reason === undefined) {
    const who = caller();
    return `${spec.userns.uid ?? who.uid}:${spec.userns.gid ?? who.gid}`;
  }
  return resolved.imageConfig?.config?.User ?? "";
}

/** The name that the process sees for its machine. */
export function hostnameOf(host: Host, container: ContainerRecord): string {
  const { spec } = container;
  if (spec.hostname !== null) return spec.hostname;
  if (spec.uts.kind === "host") return hostName();
  if (spec.uts.kind === "container")
    return hostnameOf(host, resolveContainer(host.database, spec.uts.of));
  return container.id.slice(0, 12);
}

function initProgram(host: Host, container: ContainerRecord): string | null {
  if (!(container.spec.init ?? host.settings.init)) return null;
  const asked = container.spec.initPath ?? host.settings.initPath;
  if (asked !== null && !existsSync(asked))
    throw new CooperError("missing-helper", `no init program at ${asked}`);
  return asked ?? needProgram("catatonit");
}

/** Somebody else's namespace, or what joinNetworks() has made. */
function networkOf(host: Host, container: ContainerRecord, joined: RuntimeNetwork): RuntimeNetwork {
  const { mode } = container.spec.networking;
  if (mode.kind === "container") return { kind: "path", path: namespaceOf(host, mode.of, "net") };
  return mode.kind === "path" ? { kind: "path", path: mode.of } : joined;
}

function joinedNamespaces(host: Host, { spec }: ContainerRecord): JoinedNamespaces {
  const join = (kind: keyof JoinedNamespaces, mode: NamespaceMode | null): JoinedNamespaces => {
    if (mode?.kind === "container") return { [kind]: namespaceOf(host, mode.of, kind) };
    return mode?.kind === "path" ? { [kind]: mode.of } : {};
  };
  const { userns } = spec;
  return {
    ...join("pid", spec.pid),
    ...join("ipc", spec.ipc),
    ...join("uts", spec.uts),
    ...join("cgroup", spec.cgroup),
    ...(userns?.kind === "container" || userns?.kind === "path" ? join("user", userns) : {}),
  };
}

/** A container's namespace is there as long as its process lives. */
function namespaceOf(host: Host, nameOrId: string, kind: string): string {
  const other = resolveContainer(host.database, nameOrId);
  if (!isAlive(other)) {
    throw new CooperError(
      "wrong-state",
      `cannot join the ${kind} namespace of container ${nameOrId}: it is not running`,
      {
        hint: `cooper start ${nameOrId}`,
      },
    );
  }
  return `/proc/${other.pid}/ns/${kind}`;
}

/** /dev/shm is shared with the ipc namespace that it belongs to. */
function shmOf(host: Host, container: ContainerRecord): string | null {
  const { ipc, resources } = container.spec;
  const size = resources.shmSizeBytes ?? host.settings.shmSizeBytes;
  if (ipc.kind === "shareable") return mountShm(host, container, size);
  if (ipc.kind === "host") return "/dev/shm";
  if (ipc.kind !== "container") return null;
  const other = resolveContainer(host.database, ipc.of);
  const { shm } = host.paths.container(other.id);
  if (other.spec.ipc.kind !== "shareable") {
    throw new CooperError("conflict", `container ${ipc.of} does not share its ipc namespace`, {
      hint: `make it with --ipc shareable`,
    });
  }
  return shm;
}

function seccompProfile(host: Host, container: ContainerRecord): unknown {
  if (container.spec.seccompPolicy === "image" && container.spec.seccomp === null)
    return profileOfImage(container);
  const asked = container.spec.seccomp ?? host.settings.seccompProfile;
  if (
    asked === null ||
    ["", "default", "unconfined"].includes(asked) ||
    container.spec.isPrivileged
  )
    return null;
  try {
    return JSON.parse(readFileSync(asked, "utf8"));
  } catch (cause) {
    throw new CooperError(
      "invalid-argument",
      `cannot use the seccomp profile ${asked}: ${messageOf(cause)}`,
      { cause },
    );
  }
}

/** The label by which an image brings its own profile (podman-run(1), `--seccomp-policy`). */
function profileOfImage({ spec, resolved }: ContainerRecord): unknown {
  const label = "io.containers.seccomp.profile";
  const text = labelsOf(spec, resolved.imageConfig)[label];
  if (text === undefined) {
    throw new CooperError(
      "invalid-argument",
      `--seccomp-policy image: the image has no label ${label}`,
    );
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new CooperError("invalid-argument", `the image's label ${label} is no JSON`, { cause });
  }
}

/** `local` is the host's own zone; a name may not lead out of the zone database. */
function zoneFile(zone: string | null): string | null {
  if (zone === null || zone === "") return null;
  if (zone === "local") return existsSync("/etc/localtime") ? "/etc/localtime" : null;
  const file = join("/usr/share/zoneinfo", zone);
  if (!file.startsWith("/usr/share/zoneinfo/") || !existsSync(file)) {
    throw new CooperError("invalid-argument", `unknown time zone "${zone}"`, {
      ...(findProgram("zdump") === undefined && { hint: "apt-get install tzdata" }),
    });
  }
  return file;
}
