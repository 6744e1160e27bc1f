/** Finding a container whose process is wanted. */
import type { Host } from "../host.ts";
import { getContainer, resolveContainer } from "../records/containers.ts";
import type { ContainerRecord } from "./record.ts";

/** How long a start by somebody else is waited for. */
const patienceMs = 10_000;

/**
 * As resolveContainer(). Where somebody starts it right now, that is waited for; where whoever did died
 * before it was recorded that the process runs, as `ps` says it does, it is recorded first.
 */
export async function resolveStarted(host: Host, nameOrId: string): Promise<ContainerRecord> {
  const container = resolveContainer(host.database, nameOrId);
  if (container.intent !== "starting") return container;
  const { settleContainer } = await import("./cleanup.ts");
  const until = Date.now() + patienceMs;
  for (;;) {
    using lock = host.locks.tryContainer(container.id);
    if (lock !== undefined) await settleContainer(host, container.id);
    const now = getContainer(host.database, container.id) ?? container;
    if (lock !== undefined || now.intent !== "starting" || Date.now() > until) return now;
    await Bun.sleep(5);
  }
}
