/** `fork`: a new container that begins with the files of another, without a copy of them. */
import { CooperError } from "../errors.ts";
import type { Host } from "../host.ts";
import type { Attachment } from "../network/model.ts";
import { inTransaction, resolveContainer } from "../records/containers.ts";
import { attachmentsOf } from "../records/networks.ts";
import { getSnapshot } from "../records/snapshots.ts";
import { randomHex } from "../system/random.ts";
import { announce, configuredLogPath, insertNamed, makeVolumes, reclaimName } from "./create.ts";
import { forkedSpec } from "./forked-spec.ts";
import { type FreezeOptions, freezeFiles } from "./frozen.ts";
import { assertContainerName } from "./names.ts";
import { decideMode } from "./networkless.ts";
import type { ContainerRecord, ResolvedContainer } from "./record.ts";
import { mustSettle, resolveWithin } from "./snapshot.ts";
import type { PortRequest } from "./spec.ts";

export interface ForkOptions extends FreezeOptions {
  /** null: one is drawn. */
  readonly name: string | null;
  /** Instead of those of the original; null: the same, on free ports of the host. */
  readonly ports: readonly PortRequest[] | null;
  /** The words of the command line, for inspect. */
  readonly createCommand: readonly string[];
}

/**
 * Makes a container with the settings of another and its files as they are now, or as they were in a
 * snapshot of it.
 *
 * @param source `CONTAINER` or `CONTAINER:SNAPSHOT`
 */
export async function forkContainer(
  host: Host,
  source: string,
  options: ForkOptions,
): Promise<ContainerRecord> {
  const colon = source.indexOf(":");
  const nameOrId = colon < 0 ? source : source.slice(0, colon);
  const { id } = resolveContainer(host.database, nameOrId);
  if (options.name !== null) {
    assertContainerName(options.name);
    await reclaimName(host, options.name);
  }
  using _lock = await host.locks.container(id);
  const original = await mustSettle(host, id, nameOrId);
  const snapshot = colon < 0 ? null : resolveWithin(host, original, source.slice(colon + 1));
  const made = newContainer(host, original, options);
  const attachments = original.resolved.networkMode === "bridge" ? attached(host, original) : [];
  const result: { fork?: ContainerRecord } = {};
  const insert = (frozenId: string | null) => {
    result.fork = insertNamed(host, { ...made, frozenId }, attachments);
  };
  if (snapshot === null) await freezeFiles(host, original, options, insert);
  else inTransaction(host.database, () => insert(stillThere(host, snapshot.id)));
  const { fork } = result;
  if (fork === undefined) throw new RangeError("a fork was not made");
  announce(host, fork);
  return fork;
}

/** Whoever removes a snapshot holds the same lock; who removed it before us has it no more. */
function stillThere(host: Host, id: string): string | null {
  const snapshot = getSnapshot(host.database, id);
  if (snapshot !== undefined) return snapshot.frozenId;
  throw new CooperError("no-such-object", "the snapshot has been removed meanwhile");
}

function newContainer(
  host: Host,
  original: ContainerRecord,
  { name, ports, createCommand }: ForkOptions,
): Pick<ContainerRecord, "id" | "imageId" | "spec" | "resolved"> {
  const id = randomHex(32);
  const { resolved: before } = original;
  const anonymous = new Set(
    before.volumes.flatMap((volume) => (volume.isAnonymous ? [volume.target] : [])),
  );
  const spec = forkedSpec(original.spec, { name, ports, anonymous });
  for (const target of anonymous) {
    host.warn(
      `the volume on ${target} has no name: the fork gets a new one, with what the image has there`,
    );
  }
  const resolved: ResolvedContainer = {
    ...before,
    volumes: makeVolumes(host, spec.mounts),
    networkMode: decideMode(host, spec),
    logPath: spec.log.options.path ?? configuredLogPath(host, id),
    createCommand,
  };
  return { id, imageId: original.imageId, spec, resolved };
}

/** In the networks that it is in now; addresses and further names are the original's alone. */
function attached(host: Host, original: ContainerRecord): Attachment[] {
  return attachmentsOf(host.database, original.id).map((attachment) => ({
    ...attachment,
    addresses: [],
    mac: null,
    aliases: [],
    hostInterfaceName: null,
    live: null,
  }));
}
