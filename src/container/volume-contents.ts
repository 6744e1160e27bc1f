/** `volume export` and `import`: what is in a volume, as a tar. */
import type { Host } from "../host.ts";
import { uncompressed } from "../layer/decompress.ts";
import { packTree } from "../layer/pack.ts";
import { placeTar } from "../layer/place.ts";
import { resolveVolume, type VolumeRecord } from "../records/volumes.ts";
import { OpenDirectory } from "../system/tree-read.ts";
import { mountVolume, unmountUnusedVolume } from "../volume/mount.ts";
import { writeTar } from "./export.ts";

/**
 * Writes the tar of a volume. Containers may write to it meanwhile.
 *
 * @param output a file, which gets its name when all is written; or what takes the bytes
 */
export async function exportVolume(
  host: Host,
  name: string,
  output: string | ((bytes: Uint8Array) => void),
): Promise<void> {
  const volume = resolveVolume(host.database, name);
  using opened = await openVolume(host, volume);
  const warn = (message: string) => host.warn(message);
  await writeTar(packTree(opened.directory, { kind: "filesystem", warn }), output);
}

/**
 * Adds what a tar holds to a volume, with the owners that the tar says; gzip and zstd are known by their
 * first bytes. A child chrooted into the volume writes it (CVE-2025-11395).
 */
export async function importVolume(
  host: Host,
  name: string,
  input: AsyncIterable<Uint8Array>,
): Promise<void> {
  const volume = resolveVolume(host.database, name);
  using _opened = await openVolume(host, volume);
  const { warnings } = await placeTar(uncompressed(input), {
    root: host.paths.volume(volume.name),
    directory: "/",
    name: null,
    owner: null,
    overwrites: true,
  });
  for (const warning of warnings) host.warn(warning);
}

/** What its options name is mounted meanwhile, and it cannot be removed. */
async function openVolume(
  host: Host,
  volume: VolumeRecord,
): Promise<Disposable & { readonly directory: OpenDirectory }> {
  using undo = new DisposableStack();
  undo.use(await host.locks.volume(volume.name));
  undo.defer(() => unmountUnusedVolume(host, volume));
  const directory = undo.use(OpenDirectory.at(mountVolume(host, volume)));
  const held = undo.move();
  return { directory, [Symbol.dispose]: () => held.dispose() };
}
