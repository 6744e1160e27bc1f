/** A container as a service that says when it is ready: podman-run(1), `--sdnotify`. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Host } from "../host.ts";
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
export function tellManager({ spec }: ContainerRecord, monitor: number): void {
  const manager = process.env.NOTIFY_SOCKET;
  const mode = spec.sdnotify ?? "container";
  if (!manager || monitor <= 0 || mode === "ignore") return;
  notifyManager(manager, [`MAINPID=${monitor}`, ...(mode === "conmon" ? ["READY=1"] : [])]);
}
