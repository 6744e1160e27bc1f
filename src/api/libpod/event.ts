/** Events as Podman sends them. Pure. */
import { type EngineEvent, podmanAction } from "../../events/event.ts";

/** Clients of versions before this cannot read an event that has no exit code. */
const needsExitCode = 5000;

/** Those that Podman has. Its clients fail at others, or print nothing. */
const actions = new Set([
  ...["attach", "build", "checkpoint", "cleanup", "commit", "connect", "create", "died"],
  ...["disconnect", "exec", "exec_died", "export", "health_status", "import", "init", "kill"],
  ...["loadfromarchive", "mount", "pause", "prune", "pull", "push", "remove", "rename", "restart"],
  ...["restore", "save", "start", "stop", "tag", "unmount", "unpause", "untag", "update"],
]);

/** What older clients do not know. */
const isNew = ({ type, action }: EngineEvent) => type === "secret" || action === "update";

/** A line of `/events`; undefined: the client could not read it. */
export function libpodEvent(
  event: EngineEvent,
  version: number,
): Record<string, unknown> | undefined {
  const { type, name, image, timeMicroseconds } = event;
  const { exitCode, ...attributes } = event.attributes;
  const action = event.action === "load" ? "loadfromarchive" : podmanAction(event);
  if (!actions.has(action) || (isNew(event) && version < needsExitCode)) return undefined;
  const isOfContainer = type === "container";
  const shownCode = exitCode ?? (version < needsExitCode ? "0" : undefined);
  return {
    status: action,
    id: event.id,
    from: image,
    Type: type,
    Action: action,
    Actor: {
      ID: event.id,
      Attributes: {
        ...attributes,
        ...(shownCode !== undefined && { containerExitCode: shownCode }),
        ...(isOfContainer && { image, podId: "" }),
        name,
      },
    },
    scope: "local",
    time: Math.floor(timeMicroseconds / 1_000_000),
    timeNano: timeMicroseconds * 1000,
    ...(action === "health_status" && {
      HealthStatus: event.action.replace(/^health_status:\s*/, ""),
    }),
  };
}
