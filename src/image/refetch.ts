/** Having a single layer again, from where its image came: for a store that was damaged. */

import { existsSync, renameSync } from "node:fs";
import { CooperError, messageOf } from "../errors.ts";
import type { Host } from "../host.ts";
import { type LayerSource, unpackLayer } from "../layer/unpack.ts";
import type { UnpackedLayer } from "../layer/unpack-protocol.ts";
import { decodeManifest } from "../oci/manifest.ts";
import { parseName } from "../oci/reference.ts";
import { type Image, manifestsOf } from "../records/images.ts";
import { openRegistry } from "../registry/access.ts";
import { pullSources } from "../registry/pull-sources.ts";
import { loadRegistriesConf } from "../registry/registries-conf.ts";
import { exchangeNames } from "../system/exchange.ts";
import { syncDirectory, syncFilesystem } from "../system/sync.ts";
import { helloName } from "./hello-name.ts";
import { openStage, type Stage } from "./stage.ts";

/** A place that may have the layer. */
interface Origin {
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
  const origins = await originsOf(host, layerId, images);
  using stage = await openStage(host);
  const failures: string[] = [];
  for (const origin of origins) {
    try {
      await fetchInto(host, layerId, origin, stage, signal);
      return origin.name;
    } catch (error) {
      failures.push(`${origin.name}: ${messageOf(error)}`);
    }
  }
  throw notToBeHad(layerId, images, failures);
}

async function fetchInto(
  host: Host,
  layerId: string,
  origin: Origin,
  stage: Stage,
  signal: AbortSignal | undefined,
): Promise<void> {
  const directory = stage.next("layer");
  const unpacked: UnpackedLayer = await unpackLayer(origin.open(), directory, signal);
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
async function originsOf(host: Host, layerId: string, images: readonly Image[]): Promise<Origin[]> {
  const { helloChunks } = await import("./hello.ts");
  const isHello = images.some(({ names }) => names.includes(helloName));
  const builtIn: Origin[] = isHello
    ? [
        {
          name: "the program itself",
          open: () => ({ kind: "stream", chunks: helloChunks() }),
        },
      ]
    : [];
  return [...builtIn, ...images.flatMap((image) => registriesOf(host, layerId, image))];
}

function registriesOf(host: Host, layerId: string, image: Image): Origin[] {
  const conf = loadRegistriesConf(process.env, host.isRootless);
  const manifests = new Map(manifestsOf(host.database, image.id).map((one) => [one.digest, one]));
  const position = image.layers.indexOf(layerId);
  return image.repoDigests.flatMap((name) => {
    const { registry, repository, digest } = parseName(name);
    const stored = manifests.get(digest ?? "");
    if (registry === null || registry === "localhost" || stored === undefined) return [];
    const manifest = decodeManifest(Buffer.from(stored.text), stored.mediaType, name);
    if (manifest.kind !== "manifest") return [];
    const blob = manifest.layers[position];
    if (blob === undefined) return [];
    return pullSources(conf, registry, repository, true).map((source): Origin => {
      const client = openRegistry(conf, source, {});
      return {
        name: `${registry}/${repository}`,
        open: () => ({
          kind: "stream",
          chunks: client.blob(source.repository, blob.digest, blob.size, name),
        }),
      };
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
