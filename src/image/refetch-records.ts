/**
 * Having the configuration or a manifest of an image again, for a store whose records were damaged. Both
 * are named by their digests, so that nothing but the right bytes is taken, wherever they are had.
 */
import { CooperError, messageOf } from "../errors.ts";
import type { Host } from "../host.ts";
import { type Digest, digestOf, isDigest } from "../oci/digest.ts";
import { decodeManifest, maxConfigBytes } from "../oci/manifest.ts";
import {
  type Image,
  replaceConfig,
  replaceManifest,
  type StoredManifest,
} from "../records/images.ts";
import { layersOfImage } from "../records/layers.ts";
import { helloConfig } from "./hello.ts";
import { type Origin, originsOf } from "./origins.ts";
import { ownManifest } from "./own-manifest.ts";

/**
 * Has an image's configuration again; resolves to where from, for people.
 *
 * @throws CooperError corrupt when nobody has it
 */
export async function refetchConfig(
  host: Host,
  image: Image,
  signal: AbortSignal | undefined,
): Promise<string> {
  const digest: Digest = `sha256:${image.id}`;
  const builtIn = image.layers.map(helloConfig).find((text) => digestOf(text) === digest);
  const mend = (text: string) => replaceConfig(host.database, image.id, text);
  if (builtIn !== undefined) {
    mend(builtIn);
    return "the program itself";
  }
  return await fromOrigins(host, image, signal, async ({ client, repository, name }) => {
    mend((await client.smallBlob(repository, digest, maxConfigBytes, name)).toString("utf8"));
  });
}

/** Has a manifest again, as refetchConfig(). That of an image which was made here follows from its layers. */
export async function refetchManifest(
  host: Host,
  image: Image,
  digest: string,
  signal: AbortSignal | undefined,
): Promise<string> {
  const mend = (manifest: StoredManifest) => replaceManifest(host.database, image.id, manifest);
  const layers = layersOfImage(host.database, image.id);
  for (const family of ["oci", "docker"] as const) {
    const own = ownManifest(image.configText, layers, family);
    if (own.digest !== digest) continue;
    mend(own);
    return "its layers";
  }
  if (!isDigest(digest)) throw new CooperError("corrupt", "its digest is damaged, too");
  return await fromOrigins(host, image, signal, async ({ client, repository, name }) => {
    const { bytes, type } = await client.rawManifest(repository, digest, name);
    const { mediaType, text } = decodeManifest(bytes, type, name);
    mend({ digest, mediaType, text });
  });
}

async function fromOrigins(
  host: Host,
  image: Image,
  signal: AbortSignal | undefined,
  take: (origin: Origin) => Promise<void>,
): Promise<string> {
  const failures: string[] = [];
  for (const origin of originsOf(host, image)) {
    signal?.throwIfAborted();
    try {
      await take(origin);
      return origin.name;
    } catch (error) {
      failures.push(`${origin.name}: ${messageOf(error)}`);
    }
  }
  throw new CooperError(
    "corrupt",
    failures.length === 0 ? "no registry is known that has it" : failures.join("; "),
  );
}
