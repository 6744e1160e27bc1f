/** What happens to containers, told to the journal of events. */
import type { Host } from "../host.ts";
import { isOfBuild } from "../records/containers.ts";
import { labelsOf } from "./process-of.ts";
import type { ContainerRecord } from "./record.ts";

/** What can happen to a container, in Docker's words. */
export type ContainerAction =
  | "create"
  | "init"
  | "start"
  | "attach"
  | "die"
  | "oom"
  | "stop"
  | "kill"
  | "pause"
  | "unpause"
  | "restart"
  | "rename"
  | "update"
  | "destroy"
  | "exec_create"
  | "exec_start"
  | "exec_die"
  | `health_status: ${string}`
  | "export"
  | "commit"
  | "mount"
  | "unmount"
  | "checkpoint"
  | "restore"
  | "snapshot"
  | "rollback";

/** Notes it; never fails, since the deed is done. */
export function emitContainer(
  host: Host,
  container: ContainerRecord,
  action: ContainerAction,
  attributes: Readonly<Record<string, string>> = {},
): void {
  if (isOfBuild(container)) return; // the build is told, not what its steps run in
  host.events.emit({
    type: "container",
    action,
    id: container.id,
    name: container.name,
    image: container.resolved.imageName,
    attributes: {
      ...labelsOf(container.spec, container.resolved.imageConfig),
      ...attributes,
    },
  });
}
