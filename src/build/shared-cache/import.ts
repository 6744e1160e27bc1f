/** `--cache-from`: what steps came to elsewhere. Only what this build needs of it is fetched. */
import { CooperError, messageOf } from "../../errors.ts";
import type { Host } from "../../host.ts";
import { type Archive, openDirectoryArchive, readMember } from "../../image/archive.ts";
import { type ImageAtRegistry, openImageAtRegistry } from "../../image/at-registry.ts";
import { LayerFetcher } from "../../image/fetch-layers.ts";
import type { FetchOptions } from "../../image/for-container.ts";
import { publishLayers } from "../../image/publish.ts";
import type { Stage } from "../../image/stage.ts";
import { LayerStager } from "../../image/stage-layers.ts";
import type { TransferProgress } from "../../image/transfer-progress.ts";
import { assertAccepted, loadPolicy } from "../../image/trust/accept.ts";
import { registryCandidate } from "../../image/trust/registry-candidate.ts";
import { decodeImageConfig } from "../../oci/decode-image-config.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { type Digest, digestOf, hexOf, isDigest } from "../../oci/digest.ts";
import { parseJsonObject } from "../../oci/json.ts";
import { maxConfigBytes, maxManifestBytes } from "../../oci/manifest.ts";
import { formatReference, formatRepository } from "../../oci/reference.ts";
import type { Progress } from "../progress.ts";
import {
  decodeCache,
  decodeCacheManifest,
  type SharedCache,
  type SharedLayer,
  sharedLayers,
} from "./format.ts";

/** Where a cache may be. */
export type CacheSource =
  /** The first of these names that has one. */
  | { readonly kind: "registry"; readonly names: readonly string[] }
  | {
      readonly kind: "local";
      readonly directory: string;
      readonly tag: string;
      readonly digest: string | null;
    };

/** Fetches a layer of a cache into the store. */
type Fetch = (
  layer: SharedLayer,
  how: {
    readonly stage: Stage;
    readonly signal: AbortSignal;
    onProgress(progress: TransferProgress): void;
    /** Adds the rows that keep the layer. */
    hold(): void;
  },
) => Promise<void>;

/** A layer that can be had. */
export interface RemoteLayer {
  readonly layer: SharedLayer;
  /** `registry/repository` that has it; null: none. */
  readonly repository: string | null;
  readonly fetch: Fetch;
}

/** What a step came to elsewhere. */
export interface RemoteStep {
  readonly layerId: string;
  /** ms */
  readonly createdAt: number;
  readonly remote: RemoteLayer;
}

/** The caches of one build; what several of them know is taken from the first. */
export class RemoteCaches implements Disposable {
  private readonly steps = new Map<string, RemoteStep>();
  private readonly archives: Archive[] = [];

  lookUp(key: string): RemoteStep | undefined {
    return this.steps.get(key);
  }

  add({ layers, records }: SharedCache, repository: string | null, fetch: Fetch): void {
    const now = Date.now();
    for (const { key, layer: index, createdAt } of records) {
      const layer = layers[index];
      if (layer === undefined || this.steps.has(key)) continue;
      this.steps.set(key, {
        layerId: hexOf(layer.diffId),
        createdAt: Math.min(createdAt, now),
        remote: { layer, repository, fetch },
      });
    }
  }

  keep(archive: Archive): void {
    this.archives.push(archive);
  }

  [Symbol.dispose](): void {
    for (const archive of this.archives.splice(0)) archive[Symbol.dispose]();
  }
}

interface CacheAccess {
  readonly fetch: FetchOptions;
  readonly signal?: AbortSignal | undefined;
}

/** Reads what the caches know. One that cannot be had is told, and the build goes on without it. */
export async function importCaches(
  host: Host,
  sources: readonly CacheSource[],
  options: CacheAccess & { readonly progress: Progress },
): Promise<RemoteCaches> {
  const caches = new RemoteCaches();
  const { progress } = options;
  for (const source of sources) {
    const name = source.kind === "local" ? source.directory : (source.names.at(-1) ?? "");
    const key = `cache ${name}`;
    progress.started(key, `importing cache manifest from ${name}`);
    try {
      if (source.kind === "local") importLocal(caches, host, source);
      else await importRegistry(caches, host, source.names, options);
    } catch (error) {
      options.signal?.throwIfAborted();
      if (!(error instanceof CooperError)) throw error;
      progress.status(key, "not used", messageOf(error));
      progress.warned(`the cache ${name} is not used: ${messageOf(error)}`);
    }
    progress.done(key);
  }
  return caches;
}

async function importRegistry(
  caches: RemoteCaches,
  host: Host,
  names: readonly string[],
  options: CacheAccess,
): Promise<void> {
  let failure: unknown;
  for (const name of names) {
    const place = openImageAtRegistry(host, name, {
      ...options.fetch,
      ...(options.signal !== undefined && { signal: options.signal }),
    });
    try {
      return await readPlace(caches, host, place, options.signal);
    } catch (error) {
      if (!(error instanceof CooperError) || error.code !== "no-such-image") throw error;
      failure = error;
    }
  }
  throw failure;
}

/** Of an index all images are looked at: each platform has a cache of its own. */
const maxManifests = 32;

async function readPlace(
  caches: RemoteCaches,
  host: Host,
  { client, reference, source }: ImageAtRegistry,
  signal: AbortSignal | undefined,
): Promise<void> {
  const name = formatReference(reference);
  const { repository } = source;
  const raw = (wanted: string) => client.rawManifest(repository, wanted, name);
  const top = await raw(reference.digest ?? reference.tag ?? "latest");
  const candidate = registryCandidate(
    { reference, source, client, isRootless: host.isRootless, signal },
    async () => top.digest,
  );
  await assertAccepted(host, loadPolicy(undefined), candidate);
  const first = decodeCacheManifest(top.bytes, name);
  const all =
    first.kind === "index"
      ? await Promise.all(
          first.manifests
            .slice(0, maxManifests)
            .map(async ({ digest }) => decodeCacheManifest((await raw(digest)).bytes, name)),
        )
      : [first];
  const fetch: Fetch = async (layer, how) => {
    const { digest, size } = layer.blob;
    using fetcher = new LayerFetcher(host, { limit: 1, ...how });
    const from = (offset: number) => client.blob(repository, digest, size, name, offset);
    const layers = await fetcher.all([{ diffId: layer.diffId, blob: layer.blob, from }]);
    await publishLayers(host, layers, how.hold);
    fetcher.published();
  };
  let found = 0;
  for (const manifest of all) {
    if (manifest.kind === "other" || manifest.kind === "index") continue;
    const config = await client.smallBlob(repository, manifest.config.digest, maxConfigBytes, name);
    caches.add(cacheOf(manifest, config, name), formatRepository(reference), fetch);
    found++;
  }
  if (found > 0) return;
  const [other] = all.flatMap((one) => (one.kind === "other" ? [one.what] : []));
  throw new CooperError(
    "not-supported",
    `${name} is no cache of Cooper's, but ${other ?? "empty"}`,
  );
}

function cacheOf(
  manifest: Extract<ReturnType<typeof decodeCacheManifest>, { readonly kind: "cache" | "inline" }>,
  config: Uint8Array,
  name: string,
): SharedCache {
  if (manifest.kind === "cache") return decodeCache(config, manifest.blobs, name);
  const { diffIds } = decodeImageConfig(config, `the configuration of ${name}`);
  return { layers: sharedLayers(diffIds, manifest.blobs, name), records: manifest.records };
}

/** The directory is the user's, and so is what its files say; no path of it leads anywhere else. */
function importLocal(
  caches: RemoteCaches,
  host: Host,
  { directory, tag, digest }: Extract<CacheSource, { readonly kind: "local" }>,
): void {
  const archive = openDirectoryArchive(directory);
  caches.keep(archive);
  const manifestDigest = digest ?? taggedIn(archive, tag);
  if (!isDigest(manifestDigest))
    throw new CooperError("no-such-object", `${directory} has no cache with the tag ${tag}`);
  const where = `the cache in ${directory}`;
  const manifest = decodeCacheManifest(
    blobOf(archive, manifestDigest, maxManifestBytes, where),
    where,
  );
  if (manifest.kind !== "cache")
    throw new CooperError("not-supported", `${directory} has no cache of Cooper's`);
  const config = blobOf(archive, manifest.config.digest, maxConfigBytes, where);
  caches.add(decodeCache(config, manifest.blobs, where), null, async (layer, how) => {
    const stager = new LayerStager(host, how.stage, how);
    const open = () => {
      const member = archive.find(blobName(layer.blob.digest));
      if (member !== undefined) return { kind: "file" as const, ...member };
      throw new CooperError("corrupt", `${where} has lost ${layer.blob.digest}`);
    };
    const layers = await stager.all([{ diffId: layer.diffId, blob: layer.blob, open }]);
    await publishLayers(host, layers, how.hold);
  });
}

const blobName = (digest: Digest) => `blobs/sha256/${hexOf(digest)}`;

function taggedIn(archive: Archive, tag: string): unknown {
  const bytes = readMember(archive, "index.json", maxManifestBytes);
  if (bytes === undefined)
    throw new CooperError("no-such-object", `there is no cache in ${archive.name}`);
  const { value } = parseJsonObject(bytes, `index.json of ${archive.name}`);
  const entries = (Array.isArray(value.manifests) ? value.manifests : []) as Descriptor[];
  return entries.find((entry) => entry?.annotations?.["org.opencontainers.image.ref.name"] === tag)
    ?.digest;
}

function blobOf(archive: Archive, digest: Digest, maxBytes: number, where: string): Buffer {
  const bytes = readMember(archive, blobName(digest), maxBytes);
  if (bytes !== undefined && digestOf(bytes) === digest) return bytes;
  throw new CooperError("corrupt", `${where} is damaged: ${digest} is missing or altered`);
}
