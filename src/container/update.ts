/** `update`: other limits and another restart policy, for a container that may be running. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { CooperError } from "../errors.ts";
import type { Host } from "../host.ts";
import { changeSpec, resolveContainer } from "../records/containers.ts";
import { mustCallRuntime } from "../runtime/oci-runtime.ts";
import { cgroupVersion } from "../system/cgroup.ts";
import { settleContainer } from "./cleanup.ts";
import { emitContainer } from "./events.ts";
import { isAlive } from "./live-state.ts";
import type { ContainerRecord } from "./record.ts";
import { blockDevices } from "./resolve-devices.ts";
import { chooseRuntime } from "./runtime-choice.ts";
import { limitsOf } from "./runtime-config/resources.ts";
import { type ContainerSpec, emptySpec, type Resources } from "./spec.ts";

export interface UpdateOptions {
  /** Whether the wanted spec's restart policy was asked for. */
  readonly setsRestart: boolean;
}

/**
 * Changes what `wanted` names: its limits that are not those of an empty spec, environment, and restart
 * policy. Limits of a container that runs hold at once; the record keeps them for its next start.
 */
export async function updateContainer(
  host: Host,
  nameOrId: string,
  wanted: ContainerSpec,
  options: UpdateOptions,
): Promise<string> {
  const { id } = resolveContainer(host.database, nameOrId);
  using _lock = await host.locks.container(id);
  const container = await settleContainer(host, id);
  if (container === undefined)
    throw new CooperError("no-such-container", `no such container: ${nameOrId}`);
  const { spec } = container;
  const changed = changedResources(wanted.resources);
  const updated: ContainerRecord["spec"] = {
    ...spec,
    resources: { ...spec.resources, ...changed },
    env: [...spec.env.filter((pair) => !wanted.unsetEnv.includes(nameOf(pair))), ...wanted.env],
    unsetEnv: [...spec.unsetEnv, ...wanted.unsetEnv],
    ...(options.setsRestart && { restart: wanted.restart }),
  };
  if (updated.removesItself && updated.restart.policy !== "no") {
    throw new CooperError(
      "conflict",
      `container ${nameOrId} was made with --rm: it is not started again`,
    );
  }
  if (isAlive(container) && Object.keys(changed).some((key) => key !== "ulimits"))
    await setLimits(host, container, updated);
  changeSpec(host.database, id, { spec: updated, resolved: container.resolved });
  emitContainer(host, container, "update");
  return id;
}

const nameOf = (pair: string) => pair.split("=", 1)[0] ?? "";

/** What differs from a spec in which nothing was asked. */
export function changedResources(wanted: Resources): Partial<Resources> {
  const empty = emptySpec().resources as unknown as Readonly<Record<string, unknown>>;
  const changed = Object.entries(wanted).filter(
    ([key, value]) => JSON.stringify(value) !== JSON.stringify(empty[key]),
  );
  return Object.fromEntries(changed) as Partial<Resources>;
}

async function setLimits(
  host: Host,
  container: ContainerRecord,
  spec: ContainerRecord["spec"],
): Promise<void> {
  if (!host.canLimit || spec.cgroups === "disabled") {
    throw new CooperError(
      "not-supported",
      `cannot limit container ${container.name} while it runs: ${
        host.canLimit ? "it has no cgroup" : "cgroups cannot be set up here"
      }`,
    );
  }
  const warnings: string[] = [];
  const limits = limitsOf(
    {
      spec,
      settings: host.settings,
      blockDevices: blockDevices(spec),
      cgroup: { version: cgroupVersion() },
    },
    warnings,
  );
  const file = join(host.paths.container(container.id).bundle, "update.json");
  writeFileSync(file, JSON.stringify(limits), { mode: 0o600 });
  mustCallRuntime(await chooseRuntime(host, container), ["update", "-r", file, container.id]);
  for (const warning of warnings) host.warn(warning);
}
