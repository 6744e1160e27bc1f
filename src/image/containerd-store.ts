/**
 * Docker's images in containerd's store (the default since Docker 29), read in place: names in bbolt
 * (containerd, metadata/buckets.go), and blobs by their digests as in an OCI layout, so that manifests
 * and compressed layers are there as they came.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { CooperError } from "../errors.ts";
import { type Digest, hexOf, isDigest } from "../oci/digest.ts";
import { maxManifestBytes } from "../oci/manifest.ts";
import { anyPlatform } from "../oci/platform.ts";
import { openDirectoryArchive } from "./archive.ts";
import { openBolt } from "./bolt.ts";
import {
  type ForeignImage,
  imageNamesOf,
  type OpenedImage,
  readStoreFile,
} from "./foreign-store.ts";
import { imageOf } from "./oci-layout.ts";

const metadata = "io.containerd.metadata.v1.bolt/meta.db";
const content = "io.containerd.content.v1.content";
/** Docker's namespace among those of others. */
const namespace = "moby";

/** The root of the containerd that a Docker uses: its own, or the machine's. */
export function containerdOf(dockerRoot: string): string | undefined {
  const own = join(dockerRoot, "containerd", "daemon");
  // only a Docker in its usual place uses the machine's
  const places = [own, ...(dockerRoot === "/var/lib/docker" ? ["/var/lib/containerd"] : [])];
  return places.find(
    (root) => existsSync(join(root, metadata)) && existsSync(join(root, content, "blobs")),
  );
}

/** Each image once, with all its names. */
export function containerdImages(root: string): ForeignImage[] {
  const images = openBolt(root, metadata)?.bucket("v1")?.bucket(namespace)?.bucket("images");
  const byTarget = new Map<Digest, { names: string[]; mediaType: string }>();
  for (const name of images?.names() ?? []) {
    const target = images?.bucket(name)?.bucket("target");
    const digest = target?.value("digest")?.toString("utf8");
    const mediaType = target?.value("mediatype")?.toString("utf8") ?? "";
    if (!isDigest(digest)) continue;
    const found = byTarget.get(digest) ?? { names: [], mediaType };
    byTarget.set(digest, { ...found, names: [...found.names, name] });
  }
  return [...byTarget].flatMap(([digest, { names, mediaType }]) => {
    const open = () => openImage(root, digest, mediaType, names);
    const id = idOf(open);
    const plain = imageNamesOf(names);
    return [
      {
        id: id ?? hexOf(digest),
        names: plain.filter((name) => !name.includes("@")),
        repoDigests: plain.filter((name) => name.includes("@")),
        size: null,
        open,
      },
    ];
  });
}

/** By its configuration, as everywhere; undefined where it cannot be read, which opening it will tell. */
function idOf(open: () => OpenedImage): string | undefined {
  try {
    using image = open();
    return new Bun.CryptoHasher("sha256").update(image.plan.config.text).digest("hex");
  } catch (error) {
    if (error instanceof CooperError) return undefined;
    throw error;
  }
}

function openImage(
  root: string,
  digest: Digest,
  mediaType: string,
  names: readonly string[],
): OpenedImage {
  const directory = join(root, content);
  const bytes = readStoreFile(directory, `blobs/sha256/${hexOf(digest)}`, maxManifestBytes);
  if (bytes === undefined)
    throw new CooperError("corrupt", `${names[0] ?? digest} has no manifest in ${directory}`);
  const archive = openDirectoryArchive(directory);
  try {
    const descriptor = { mediaType, digest, size: bytes.length, annotations: {}, platform: null };
    const plan = imageOf(archive, descriptor, anyPlatform);
    const plain = imageNamesOf(names).filter((name) => !name.includes("@"));
    return { plan: { ...plan, names: plain }, [Symbol.dispose]: () => archive[Symbol.dispose]() };
  } catch (error) {
    archive[Symbol.dispose]();
    throw error;
  }
}
