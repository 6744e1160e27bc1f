/** A container as a service that says when it is ready: podman-run(1), `--sdnotify`. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Host } from "../host.ts";
import { startDetached } from "../own-command.ts";
import { getHealth } from "../records/health.ts";
import { notifyManager } from "../system/notify.ts";
import type { ContainerRecord } from "./record.ts";

/**
 * The service manager's socket, where the container itself is to tell it (`container`, the default); null
 * where there is none, or none to be told. Makes the directory in which conmon puts the container's.
 */
export function notifySocket(host: Host, { id, spec }: ContainerRecord): string | null {
  const manager = process.env.NOTIFY_SOCKET;
  if (!manager || (spec.sdnotify ?? "container") !== "container") return null;
  mkdirSync(join(host.paths.container(id).bundle, "notify"), { recursive: true, mode: 0o755 });
  return manager;
}

/** The monitor is the service's main process; with `conmon` it is ready as soon as it runs. */
export function tellManager(host: Host, { id, spec }: ContainerRecord, monitor: number): void {
  const manager = process.env.NOTIFY_SOCKET;
  const mode = spec.sdnotify ?? "container";
  if (!manager || monitor <= 0 || mode === "ignore") return;
  notifyManager(manager, [`MAINPID=${monitor}`, ...(mode === "conmon" ? ["READY=1"] : [])]);
  // not the keeper of health checks: a manager listens to processes of the service alone (systemd.service(5),
  // "NotifyAccess="), and the keeper serves all of a user's containers
  if (mode === "healthy") startDetached(host, { NOTIFY_SOCKET: manager }, "__tell-healthy", id);
}

/** For the process that waits for a container to be healthy: tells the manager when it is, or has ended. */
export async function tellWhenHealthy(host: Host, id: string): Promise<void> {
  const manager = process.env.NOTIFY_SOCKET ?? "";
  const { waitContainer } = await import("./verbs.ts");
  await waitContainer(host, id, ["healthy", "exited"]);
  if (getHealth(host.database, id)?.status === "healthy") notifyManager(manager, ["READY=1"]);
}
