/** Checking a container's health, by hand or when it is due, and what follows. */
import { CooperError } from "../../errors.ts";
import type { Host } from "../../host.ts";
import { getContainer } from "../../records/containers.ts";
import { getHealth, setHealth, stopChecks } from "../../records/health.ts";
import { emitContainer } from "../events.ts";
import { isAlive } from "../live-state.ts";
import type { ContainerRecord } from "../record.ts";
import { resolveStarted } from "../resolve-started.ts";
import { probe } from "./probe.ts";
import {
  advanceHealth,
  type HealthAction,
  type HealthCheck,
  type HealthResult,
  type HealthState,
  healthCheckOf,
  initialHealth,
  nextCheckMs,
} from "./state.ts";

/** Notes that a container has started: its first check is due an interval later. */
export function beginHealth(host: Host, container: ContainerRecord): boolean {
  const check = healthCheckOf(container.spec, container.resolved.imageConfig);
  if (check === null) return false;
  const state = initialHealth(check);
  const wait = nextCheckMs(check, state, 0);
  setHealth(host.database, container.id, state, wait === null ? null : Date.now() + wait);
  return wait !== null;
}

/** `healthcheck run`: one check now. Resolves to its result. */
export async function runHealthCheck(host: Host, nameOrId: string): Promise<HealthResult> {
  const container = await resolveStarted(host, nameOrId);
  const check = healthCheckOf(container.spec, container.resolved.imageConfig);
  if (check === null)
    throw new CooperError("wrong-state", `container ${nameOrId} has no health check`);
  if (!isAlive(container) || container.intent !== "running")
    throw new CooperError("wrong-state", `container ${nameOrId} is not running`);
  return checkNow(host, container, check);
}

/** A check that is due. One of a container that does not run any more, or is paused, is not run. */
export async function runDueCheck(host: Host, id: string): Promise<void> {
  const container = getContainer(host.database, id);
  if (container === undefined) return;
  const check = healthCheckOf(container.spec, container.resolved.imageConfig);
  if (check === null || !isAlive(container)) {
    stopChecks(host.database, id);
    return;
  }
  if (container.intent === "running") await checkNow(host, container, check);
  else putOff(host, container, check);
}

function putOff(host: Host, container: ContainerRecord, check: HealthCheck): void {
  const state = getHealth(host.database, container.id) ?? initialHealth(check);
  setHealth(host.database, container.id, state, Date.now() + (check.intervalMs || 1000));
}

async function checkNow(
  host: Host,
  container: ContainerRecord,
  check: HealthCheck,
): Promise<HealthResult> {
  const { id } = container;
  const before = getHealth(host.database, id) ?? initialHealth(check);
  const isStartup = check.startup !== null && !before.hasStarted;
  const result = await probe(host, container, isStartup ? (check.startup ?? check) : check);
  const now = getContainer(host.database, id);
  // it ended, or was started again, while the check ran: the result says nothing of its present health
  if (now === undefined || now.pidIdentity !== container.pidIdentity || !isAlive(now))
    return result;
  const uptimeMs = result.startedAt - now.startedAt;
  const { state, action } = advanceHealth(check, before, result, uptimeMs);
  const wait = nextCheckMs(check, state, uptimeMs);
  setHealth(host.database, id, state, wait === null ? null : Date.now() + wait);
  if (state.status !== before.status) tell(host, now, state);
  await act(host, now, action);
  return result;
}

/** Docker's word has the status in it; Podman's filter finds it by its beginning. */
function tell(host: Host, container: ContainerRecord, { status }: HealthState): void {
  emitContainer(host, container, `health_status: ${status}`, { health_status: status });
}

async function act(host: Host, container: ContainerRecord, action: HealthAction): Promise<void> {
  const { id } = container;
  if (action === "none") return;
  if (action === "kill") {
    await (await import("../stop.ts")).killContainer(host, id, 9);
    return;
  }
  const options = { graceSeconds: null, signal: null };
  if (action === "stop") await (await import("../stop.ts")).stopContainer(host, id, options);
  else await (await import("../verbs.ts")).restartContainer(host, id, options);
}
