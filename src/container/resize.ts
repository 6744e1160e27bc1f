/** The size of a container's terminal, as a client elsewhere has it. */
import { CooperError } from "../errors.ts";
import type { Host } from "../host.ts";
import { resolveContainer } from "../records/containers.ts";
import { isAlive } from "./live-state.ts";
import { resizeTerminal } from "./terminal-size.ts";

/** @throws CooperError wrong-state when it does not run; one without a terminal has no size to change */
export function resizeContainer(
  host: Host,
  nameOrId: string,
  { rows, columns }: { readonly rows: number; readonly columns: number },
): void {
  const container = resolveContainer(host.database, nameOrId);
  if (!isAlive(container))
    throw new CooperError("wrong-state", `cannot resize container ${nameOrId}: it is not running`);
  if (!container.spec.hasTty || rows <= 0 || columns <= 0) return;
  resizeTerminal(host.paths.container(container.id).ctl, rows, columns);
}
