/** Checkpoints that were given a name: several of one container, kept until they are removed. */
import { existsSync, readdirSync, rmSync } from "node:fs";
import { CooperError } from "../../errors.ts";
import type { Host } from "../../host.ts";
import { resolveContainer } from "../../records/containers.ts";
import type { ContainerRecord } from "../record.ts";
import { checkpointPlace } from "./checkpoint.ts";

/** What is said of a name that no checkpoint has. */
export function noCheckpoint(name: string, container: ContainerRecord): CooperError {
  return new CooperError(
    "no-such-object",
    `checkpoint ${name} does not exist for container ${container.name}`,
  );
}

/** Their names, in order. */
export function listCheckpoints(host: Host, nameOrId: string): string[] {
  const { id } = resolveContainer(host.database, nameOrId);
  const { checkpoints } = host.paths.container(id);
  return existsSync(checkpoints) ? readdirSync(checkpoints).toSorted() : [];
}

/** @throws CooperError no-such-object */
export async function removeCheckpoint(host: Host, nameOrId: string, name: string): Promise<void> {
  const container = resolveContainer(host.database, nameOrId);
  using _lock = await host.locks.container(container.id);
  const directory = checkpointPlace(host, container.id, name);
  if (!existsSync(directory)) throw noCheckpoint(name, container);
  rmSync(directory, { recursive: true });
}
