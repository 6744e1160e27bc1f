/** `export`: all files of a container as one tar. */
import type { Host } from "../host.ts";
import { writeFully } from "../image/spool.ts";
import { openStage } from "../image/stage.ts";
import { packTree } from "../layer/pack.ts";
import { resolveContainer } from "../records/containers.ts";
import { openNewFile } from "../system/new-file.ts";
import { settleContainer } from "./cleanup.ts";
import { emitContainer } from "./events.ts";
import { openContainerTree, ownerMap } from "./trees.ts";

/** A file, which gets its name when all is written; or what takes the bytes, and may hold the rest back. */
export type TarOutput = string | ((bytes: Uint8Array) => void | Promise<void>);

/**
 * Writes the tar of the container's root. Volumes are not in it.
 *
 * @param output a file, which gets its name when all is written; or what takes the bytes
 */
export async function exportContainer(
  host: Host,
  nameOrId: string,
  output: TarOutput,
): Promise<void> {
  const { id } = resolveContainer(host.database, nameOrId);
  using _lock = await host.locks.container(id);
  const container = (await settleContainer(host, id)) ?? resolveContainer(host.database, nameOrId);
  using stage = await openStage(host);
  using tree = await openContainerTree(host, container, stage.directory);
  const tar = packTree(tree, {
    kind: "filesystem",
    mapOwner: ownerMap(container),
    warn: (message) => host.warn(message),
  });
  await writeTar(tar, output);
  emitContainer(host, container, "export");
}

/** To a file, which gets its name when all is written; or to what takes the bytes. */
export async function writeTar(tar: AsyncIterable<Uint8Array>, output: TarOutput): Promise<void> {
  if (typeof output !== "string") {
    for await (const chunk of tar) await output(chunk);
    return;
  }
  using file = openNewFile(output);
  for await (const chunk of tar) writeFully(file.descriptor, chunk);
  file.commit();
}
