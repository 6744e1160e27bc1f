/** Having a single layer again, from where its image came: for a store that was damaged. */

import { existsSync, renameSync } from "node:fs";
import { CooperError, messageOf } from "../errors.ts";
import type { Host } from "../host.ts";
import { type LayerSource, unpackLayer } from "../layer/unpack.ts";
import type { UnpackedLayer } from "../layer/unpack-protocol.ts";
import { digestOf } from "../oci/digest.ts";
import { decodeManifest, type Manifest } from "../oci/manifest.ts";
import { type Image, manifestsOf } from "../records/images.ts";
import { exchangeNames } from "../system/exchange.ts";
import { syncDirectory, syncFilesystem } from "../system/sync.ts";
import { helloName } from "./hello-name.ts";
import { originsOf } from "./origins.ts";
import { openStage, type Stage } from "./stage.ts";

/** Where the layer may be. */
interface Place {
  /** For people. */
  readonly name: string;
  open(): LayerSource;
}

/**
 * Fetches the layer anew, compares its digest, and puts it in the place of the damaged one.
 *
 * @param images those that have the layer
 * @throws CooperError corrupt that says where it could be had, when it could not be had now
 */
export async function refetchLayer(
  host: Host,
  layerId: string,
  images: readonly Image[],
  signal?: AbortSignal,
): Promise<string> {
  const places = await placesOf(host, layerId, images);
  using stage = await openStage(host);
  const failures: string[] = [];
  for (const place of places) {
    try {
      await fetchInto(host, layerId, place, stage, signal);
      return place.name;
    } catch (error) {
      failures.push(`${place.name}: ${messageOf(error)}`);
    }
  }
  throw notToBeHad(layerId, images, failures);
}

async function fetchInto(
  host: Host,
  layerId: string,
  place: Place,
  stage: Stage,
  signal: AbortSignal | undefined,
): Promise<void> {
  const directory = stage.next("layer");
  const unpacked: UnpackedLayer = await unpackLayer(place.open(), directory, signal);
  if (unpacked.diffId !== `sha256:${layerId}`)
    throw new CooperError("corrupt", `it has another layer there: ${unpacked.diffId}`);
  using _lock = await host.locks.store("shared");
  syncFilesystem(host.paths.layers);
  const target = host.paths.layer(layerId).directory;
  // the damaged one goes with the stage
  if (existsSync(target)) exchangeNames(directory, target);
  else renameSync(directory, target);
  syncDirectory(host.paths.layers);
}

/** The built-in image is in this program; others came from registries that their digests name. */
async function placesOf(host: Host, layerId: string, images: readonly Image[]): Promise<Place[]> {
  const { helloChunks } = await import("./hello.ts");
  const isHello = images.some(({ names }) => names.includes(helloName));
  const builtIn: Place[] = isHello
    ? [
        {
          name: "the program itself",
          open: () => ({ kind: "stream", chunks: helloChunks() }),
        },
      ]
    : [];
  return [...builtIn, ...images.flatMap((image) => registriesOf(host, layerId, image))];
}

/** Manifests differ in how they compress: first the one that a repository is known to have. */
function registriesOf(host: Host, layerId: string, image: Image): Place[] {
  const position = image.layers.indexOf(layerId);
  const manifests = manifestsOf(host.database, image.id).flatMap((stored) => {
    if (digestOf(stored.text) !== stored.digest) return []; // damaged
    const decoded = decodeManifest(Buffer.from(stored.text), stored.mediaType, stored.digest);
    return decoded.kind === "manifest" ? [decoded] : [];
  });
  return originsOf(host, image).flatMap(({ name, client, repository, digest }) => {
    const isTheirs = (manifest: Manifest) => manifest.digest === digest;
    const ordered = [...manifests.filter(isTheirs), ...manifests.filter((one) => !isTheirs(one))];
    return ordered.flatMap(({ layers }): Place[] => {
      const blob = layers[position];
      if (blob === undefined) return [];
      const { digest: wanted, size } = blob;
      const open = (): LayerSource => ({
        kind: "stream",
        chunks: client.blob(repository, wanted, size, name),
      });
      return [{ name, open }];
    });
  });
}

function notToBeHad(
  layerId: string,
  images: readonly Image[],
  failures: readonly string[],
): CooperError {
  const names = images.flatMap((image) => image.names);
  const where = names.length === 0 ? "the image" : names.join(" or ");
  const why =
    failures.length === 0
      ? `no registry is known that has it; it came from an archive or was made here`
      : failures.join("; ");
  return new CooperError("corrupt", `the layer ${layerId.slice(0, 12)} cannot be had: ${why}`, {
    hint: `remove ${where} and load, pull or build it again`,
  });
}
