/**
 * Where a container's processes and its monitor stand among the control groups (podman-run(1),
 * `--cgroups`). The monitor gets a place of its own: were it left in the caller's, the end of the
 * service or log-in session that called would end it, and with it log and exit status.
 */
import { join } from "node:path";
import { CooperError } from "../errors.ts";
import type { Host } from "../host.ts";
import {
  cgroupVersion,
  isWritableCgroup,
  memoryPeak,
  moveToCgroup,
  ownCgroup,
  removeCgroup,
  splitOwnCgroup,
} from "../system/cgroup.ts";
import { moveToScope } from "../system/systemd.ts";
import type { ContainerRecord } from "./record.ts";
import type { ConfiguredSpec } from "./spec.ts";

/** Below it are the cgroups that we make ourselves, so that what is ours can be told. */
const ownParent = "/cooper";

/** Who makes a container's cgroup. None, and a part of our own (`split`), are never asked of systemd. */
export function cgroupManagerOf(host: Host, spec: ConfiguredSpec): "systemd" | "cgroupfs" {
  if (spec.cgroups === "disabled") return "cgroupfs";
  if (spec.cgroups !== "split") return host.settings.cgroupManager;
  if (cgroupVersion() === 1) {
    throw new CooperError("not-supported", "--cgroups split needs a host with cgroup v2");
  }
  if (spec.cgroupParent !== null) {
    throw new CooperError("invalid-argument", "--cgroups split excludes --cgroup-parent");
  }
  return "cgroupfs";
}

/** `linux.cgroupsPath`; null: without one. With `split` this process moves, to make room below. */
export function cgroupPath(host: Host, container: ContainerRecord): string | null {
  const { spec, id } = container;
  if (spec.cgroups === "disabled") return null;
  if (spec.cgroups === "split") return join(splitCgroup(), `cooper-payload-${id}`);
  if (!host.canLimit) return null;
  if (container.resolved.cgroupManager === "systemd") {
    return `${sliceOf(host, spec)}:cooper:${id}`;
  }
  return join(spec.cgroupParent ?? ownParent, `cooper-${id}`);
}

function splitCgroup(): string {
  const own = ownCgroup();
  if (!isWritableCgroup(own)) {
    throw new CooperError(
      "permission-denied",
      `--cgroups split: the cgroup ${own} that cooper runs in is not its own to divide`,
      { hint: "in a systemd service set Delegate=yes" },
    );
  }
  return splitOwnCgroup();
}

function sliceOf(host: Host, spec: ConfiguredSpec): string {
  const slice = spec.cgroupParent ?? (host.isRootless ? "user.slice" : "machine.slice");
  if (slice.endsWith(".slice")) return slice;
  throw new CooperError(
    "invalid-argument",
    `--cgroup-parent ${slice}: with systemd it must be the name of a slice, such as ${slice.replaceAll("/", "") || "my"}.slice`,
    { hint: "for a path use: cooper --cgroup-manager cgroupfs" },
  );
}

/**
 * Removes what a runtime left that was killed between making a cgroup and writing down that it had. No
 * more than a few failed rmdir(2) where there is nothing.
 */
export async function removeLeftCgroup(host: Host, container: ContainerRecord): Promise<void> {
  const { spec, resolved } = container;
  const isOurs = spec.cgroups === "enabled" || spec.cgroups === "no-conmon";
  if (!isOurs || !host.canLimit || resolved.cgroupManager !== "cgroupfs") return;
  const path = cgroupPath(host, container);
  if (path !== null) await removeCgroup(path);
}

/** How much memory a container has had at most, while its cgroup is there; null: nobody knows. */
export function peakOf(host: Host, container: ContainerRecord): number | null {
  const { spec, resolved } = container;
  const isOurs = spec.cgroups === "enabled" || spec.cgroups === "no-conmon";
  if (!isOurs || !host.canLimit || resolved.cgroupManager !== "cgroupfs") return null;
  const path = cgroupPath(host, container);
  return path === null ? null : memoryPeak(path);
}

/** Gives the monitor its place, before it forks. Where that cannot be it stays with the caller. */
export async function placeMonitor(
  host: Host,
  container: ContainerRecord,
  pid: number,
): Promise<void> {
  const { spec, resolved, id } = container;
  if (spec.cgroups !== "enabled" || !host.canLimit) return;
  try {
    if (resolved.cgroupManager === "systemd") {
      const slice = sliceOf(host, spec);
      await moveToScope({ name: `cooper-conmon-${id}`, slice, pid, isUser: host.isRootless });
    } else if (cgroupVersion() === 2) {
      moveToCgroup(join(spec.cgroupParent ?? ownParent, "conmon"), pid);
    }
  } catch (error) {
    host.debug(`the monitor of ${container.name} stays in cooper's own cgroup: ${error}`);
  }
}

/**
 * The keeper of health checks serves all containers of a user: the end of the service or session that
 * happened to start it must not be its end.
 */
export async function placeKeeper(host: Host): Promise<void> {
  const { pid } = process;
  const slice = host.isRootless ? "user.slice" : "machine.slice";
  try {
    if (host.settings.cgroupManager === "systemd")
      await moveToScope({ name: `cooper-health-${pid}`, slice, pid, isUser: host.isRootless });
    else if (cgroupVersion() === 2 && host.canLimit) moveToCgroup(join(ownParent, "conmon"), pid);
  } catch (error) {
    host.debug(`the keeper of health checks stays where it was started: ${error}`);
  }
}

/**
 * A process can only move between cgroups that have an ancestor of the mover's own in common (cgroups(7),
 * "Delegation containment"). Containers of an ordinary user are below the user's systemd, a log-in session
 * is not: before an exec we have ourselves moved over.
 */
export async function enterOwnScope(host: Host, container: ContainerRecord): Promise<void> {
  if (!host.isRootless || container.resolved.cgroupManager !== "systemd") return;
  if (cgroupVersion() === 1 || isWritableCgroup(ownCgroup())) return;
  const { pid } = process;
  await moveToScope({ name: `cooper-exec-${pid}`, slice: "user.slice", pid, isUser: true });
}
