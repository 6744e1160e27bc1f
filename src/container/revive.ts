/**
 * Containers whose monitor was killed, so that nobody saw their end: the next command that lists them has
 * their restart policy brought to bear. A reboot is another matter: see startsOnBoot().
 */
import type { Host } from "../host.ts";
import { startDetached } from "../own-command.ts";
import { isOfThisBoot } from "../system/process.ts";
import { isMonitorOf } from "./cleanup.ts";
import type { ContainerSummary } from "./summary.ts";

/** Does for each of them what its monitor would have done at its end, in the background. */
export function reviveLost(host: Host, containers: readonly ContainerSummary[]): void {
  for (const { record, state } of containers) {
    const isNoted = record.intent !== "running" || state !== "exited";
    if (isNoted || !isOfThisBoot(record.pidIdentity)) continue;
    if (record.spec.restart.policy === "no" || isMonitorOf(record.conmonPid, record.id)) continue;
    startDetached(host, {}, "container", "cleanup", record.id);
  }
}
