/** `image sign`: simple signatures of images in registries, written to the lookaside (containers-signature(5)). */
import { linkSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { CooperError, errnoName } from "../../errors.ts";
import type { Host } from "../../host.ts";
import type { Digest } from "../../oci/digest.ts";
import type { Index, Manifest } from "../../oci/manifest.ts";
import { anyPlatform, choosePlatform } from "../../oci/platform.ts";
import { formatReference, parseName, type Reference, withDefaultTag } from "../../oci/reference.ts";
import { type AccessOptions, openRegistry } from "../../registry/access.ts";
import type { RegistryClient } from "../../registry/client.ts";
import { pullSources } from "../../registry/pull-sources.ts";
import { loadRegistriesConf } from "../../registry/registries-conf.ts";
import { meaningsOf } from "../../registry/short-names.ts";
import { randomHex } from "../../system/random.ts";
import { versionText } from "../../version.ts";
import { noRegistry } from "../pull-references.ts";
import { signWithGpg } from "./gpg.ts";
import { encodeClaim } from "./payload.ts";
import { loadRegistriesD, lookasideOf } from "./registries-d.ts";
import { lookasideDirectory, lookasidePath } from "./signatures.ts";

export interface SignOptions extends AccessOptions {
  /** A key of the user's gpg: fingerprint or mail address. */
  readonly key: string;
  readonly passphraseFile?: string;
  /** Where signatures go; without it, where registries.d says. */
  readonly directory?: string;
  /** An index with all that is in it, not the image for this platform alone. */
  readonly all: boolean;
}

/** Signs what a registry has under a name. Resolves to the files that were written. */
export async function signImage(host: Host, name: string, options: SignOptions): Promise<string[]> {
  const conf = loadRegistriesConf(process.env, host.isRootless);
  const [reference] = meaningsOf(conf, withDefaultTag(parseName(name))).references;
  if (reference === undefined) throw noRegistry(name);
  const { registry, repository, digest } = reference;
  const source = pullSources(conf, registry, repository, digest !== null).at(-1);
  if (source === undefined) throw noRegistry(name);
  const client = openRegistry(conf, source, options);
  const wanted = digest ?? reference.tag ?? "latest";
  const top = await client.manifest(source.repository, wanted, formatReference(reference));
  const digests = await digestsToSign(client, source.repository, top, options.all);
  return digests.map((each) => signDigest(host, reference, each, options));
}

/** A pull compares the signature of the one image that it takes, never that of an index. */
async function digestsToSign(
  client: RegistryClient,
  repository: string,
  top: Manifest | Index,
  all: boolean,
): Promise<Digest[]> {
  if (top.kind === "manifest") return [top.digest];
  if (all) return [top.digest, ...top.manifests.map(({ digest }) => digest)];
  const chosen = choosePlatform(top.manifests, anyPlatform, repository);
  return [(await client.manifest(repository, chosen.digest, repository)).digest];
}

/** Writes one signature into the lookaside, behind those that are there. */
export function signDigest(
  host: Host,
  reference: Reference,
  digest: Digest,
  options: Pick<SignOptions, "key" | "passphraseFile" | "directory">,
): string {
  const claim = { digest, reference: formatReference({ ...reference, digest: null }) };
  const timestamp = Math.floor(Date.now() / 1000);
  const payload = encodeClaim(claim, "simple", { creator: versionText, timestamp });
  const signature = signWithGpg(payload, options.key, options.passphraseFile ?? null);
  const conf = loadRegistriesD(process.env, host.isRootless);
  const base = options.directory ?? lookasideDirectory(lookasideOf(conf, reference, "write"));
  return writeNext(base, reference.repository, digest, signature);
}

function writeNext(base: string, repository: string, digest: Digest, bytes: Uint8Array): string {
  for (let number = 1; ; number++) {
    const path = join(base, lookasidePath(repository, digest, number));
    if (writeIfFree(path, bytes)) return path;
  }
}

/** Linked into place when it is whole: readers count up to the first number that is free. */
function writeIfFree(path: string, bytes: Uint8Array): boolean {
  const draft = join(dirname(path), `.draft-${randomHex(4)}`);
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(draft, bytes, { flag: "wx", mode: 0o644 });
    linkSync(draft, path);
    return true;
  } catch (cause) {
    if (errnoName(cause) === "EEXIST") return false;
    if (errnoName(cause) !== "EACCES") throw cause;
    throw new CooperError("permission-denied", `signatures cannot be written to ${path}`, {
      hint: "choose another place with --directory, or as lookaside-staging in registries.d",
      cause,
    });
  } finally {
    rmSync(draft, { force: true });
  }
}
