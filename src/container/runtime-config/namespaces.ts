/** Namespaces of a container: new ones, the host's, or those of others (namespaces(7)). */
import type { RuntimeIdMapping, RuntimeNamespace } from "../../oci/runtime-spec.ts";
import type { IdMapping, NamespaceMode } from "../spec.ts";
import type { RuntimeInput } from "./input.ts";

/** In the order that Podman writes them. The mount namespace is always new. */
export function namespaces(input: RuntimeInput): RuntimeNamespace[] {
  const { spec, namespaces: joined } = input;
  return [
    ...namespace("pid", spec.pid, joined.pid),
    ...networkNamespace(input),
    ...namespace("ipc", spec.ipc, joined.ipc),
    ...namespace("uts", spec.uts, joined.uts),
    { type: "mount" },
    ...userNamespace(input),
    ...(hasCgroupNamespace(input) ? namespace("cgroup", { kind: "private" }, joined.cgroup) : []),
  ];
}

function namespace(
  type: "pid" | "ipc" | "uts" | "cgroup",
  mode: NamespaceMode,
  path: string | undefined,
): RuntimeNamespace[] {
  if (path !== undefined) return [{ type, path }];
  return mode.kind === "host" ? [] : [{ type }];
}

function networkNamespace({ network }: RuntimeInput): RuntimeNamespace[] {
  if (network.kind === "host") return [];
  return [network.kind === "path" ? { type: "network", path: network.path } : { type: "network" }];
}

function userNamespace({ namespaces: joined, idMappings }: RuntimeInput): RuntimeNamespace[] {
  if (joined.user !== undefined) return [{ type: "user", path: joined.user }];
  return idMappings === null ? [] : [{ type: "user" }];
}

/** Whether the container has a user namespace besides the one that the engine is in. */
export function hasUserNamespace({ namespaces: joined, idMappings }: RuntimeInput): boolean {
  return idMappings !== null || joined.user !== undefined;
}

/** Whether it sees its own cgroup as the root of all: the default with cgroup v2. */
export function hasCgroupNamespace(input: RuntimeInput): boolean {
  const { spec, settings, cgroup, namespaces: joined } = input;
  if (joined.cgroup !== undefined) return true;
  const fallback = settings.cgroupNamespace ?? (cgroup.version === 2 ? "private" : "host");
  return (spec.cgroup?.kind ?? fallback) !== "host";
}

/** Whether the name of the machine is the container's own to set. */
export function hasOwnUts({ spec, namespaces: joined }: RuntimeInput): boolean {
  return spec.uts.kind !== "host" && joined.uts === undefined;
}

/** Mappings as the runtime writes them into uid_map. */
export function runtimeIdMappings(mappings: readonly IdMapping[]): RuntimeIdMapping[] {
  return mappings.map(({ inside, outside, size }) => ({
    containerID: inside,
    hostID: outside,
    size,
  }));
}

/** Whether an id inside of the mapped namespace stands for anything. */
export function isMapped(mappings: readonly IdMapping[], id: number): boolean {
  return mappings.some(({ inside, size }) => inside <= id && id < inside + size);
}

/**
 * Whether its /sys is the host's. A sysfs shows the network namespace it is mounted in, and only who owns
 * that namespace may mount one (sysfs, kobj_ns_current_may_mount()): in a user namespace with someone
 * else's network the host's is bound.
 */
export function sharesSys(input: RuntimeInput): boolean {
  const { network, isRootless, canMountSysfs } = input;
  if (!canMountSysfs) return true;
  if (network.kind === "host") return isRootless || hasUserNamespace(input);
  return network.kind === "path" && hasUserNamespace(input);
}
