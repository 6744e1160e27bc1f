/** Reading the stores of other engines: bounded, within their root, and never trusting what they say. */
import { readdirSync } from "node:fs";
import { CooperError, errnoName } from "../errors.ts";
import { isObject } from "../oci/json.ts";
import { parseName } from "../oci/reference.ts";
import { readBytesInRoot } from "../system/rooted.ts";
import type { ImagePlan } from "./load-plan.ts";
import type { Origin } from "./trust/origin.ts";

/** An image in another engine's store. */
export interface ForeignImage {
  /** Hex of its config's digest, as that engine says; the plan's own config decides. */
  readonly id: string;
  /** `registry/repository:tag`, as they are there. */
  readonly names: readonly string[];
  /** `registry/repository@sha256:…` */
  readonly repoDigests: readonly string[];
  /** Bytes of its layers as tars, where the store tells; for people. */
  readonly size: number | null;
  /** Decodes the image. @throws CooperError when it cannot be taken over, and why */
  open(): OpenedImage;
}

/** An image that can be read until it is disposed. */
export interface OpenedImage extends Disposable {
  readonly plan: ImagePlan;
}

/** One of which nothing has to be let go. */
export const opened = (plan: ImagePlan): OpenedImage => ({
  plan,
  [Symbol.dispose]: () => undefined,
});

/** A named volume in another engine's store. */
export interface ForeignVolume {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Within the store's root. */
  readonly path: string;
  /** Why its contents are not where a plain volume has them. */
  readonly refusal: string | null;
}

/** Another engine's store, opened for reading. */
export interface ForeignStore {
  /** `Podman` or `Docker`, for people. */
  readonly engine: string;
  readonly root: string;
  readonly origin: Origin;
  images(): ForeignImage[];
  volumes(): ForeignVolume[];
}

/** The image that a name, `@id` or beginning of an id means; as Podman finds it. */
export function findForeignImage(
  images: readonly ForeignImage[],
  wanted: readonly string[],
  id: string | null,
  suffix: string | null,
): { readonly image: ForeignImage; readonly name: string | null } | undefined {
  for (const name of wanted) {
    const image = images.find(({ names, repoDigests }) =>
      [...names, ...repoDigests].includes(name),
    );
    if (image !== undefined) return { image, name: name.includes("@") ? null : name };
  }
  const bySuffix = images.flatMap((image) =>
    image.names
      .filter((name) => suffix !== null && name.endsWith(`/${suffix}`))
      .map((name) => ({ image, name })),
  );
  if (bySuffix.length === 1) return bySuffix[0];
  const byId = id === null ? [] : images.filter((image) => image.id.startsWith(id));
  const [image] = byId;
  return image !== undefined && byId.length === 1 ? { image, name: null } : undefined;
}

/** A store of a thousand images has some MiB of this. */
const maxJsonBytes = 256 << 20;

/** A JSON file of the store; undefined when there is none. */
export function readStoreJson(root: string, path: string): unknown {
  const bytes = readStoreFile(root, path, maxJsonBytes);
  if (bytes === undefined || bytes.length === 0) return undefined;
  try {
    return JSON.parse(bytes.toString("utf8"));
  } catch (cause) {
    throw new CooperError("corrupt", `${root}/${path} is not valid JSON`, { cause });
  }
}

/** A file of the store, whole; undefined when there is none. */
export function readStoreFile(root: string, path: string, maxBytes: number): Buffer | undefined {
  const bytes = readBytesInRoot(root, path, maxBytes + 1);
  if (bytes !== undefined && bytes.length > maxBytes)
    throw new CooperError("hostile", `${root}/${path} is larger than ${maxBytes} bytes`);
  return bytes;
}

/** A list of objects in JSON. */
export function objectsOf(value: unknown, where: string): Readonly<Record<string, unknown>>[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value) || !value.every(isObject))
    throw new CooperError("corrupt", `${where} is not a list of objects`);
  return value;
}

/** The texts in what should be a list of texts; Go writes null for an empty one. */
export function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((part) => typeof part === "string") : [];
}

/** Those that are names of images, fully qualified; what a store says is not shown or kept unseen. */
export function imageNamesOf(texts: readonly string[]): string[] {
  return texts.filter((text) => {
    try {
      const { registry, tag, digest } = parseName(text);
      return registry !== null && (tag === null) !== (digest === null);
    } catch (error) {
      if (error instanceof CooperError) return false;
      throw error;
    }
  });
}

/** Whether a name from the store may be a part of a path in it. */
export function isPlainName(text: unknown): text is string {
  return typeof text === "string" && /^[A-Za-z0-9][A-Za-z0-9_.-]{0,254}$/.test(text);
}

/** Names in a directory that ours to look into; a link in the place of it is not followed. */
export function listStore(directory: string): string[] {
  try {
    return readdirSync(directory).sort();
  } catch (cause) {
    const errno = errnoName(cause);
    if (errno === "ENOENT" || errno === "ENOTDIR") return [];
    if (errno === "EACCES" || errno === "EPERM")
      throw new CooperError("permission-denied", `${directory} may not be read`, {
        hint: "the store belongs to another user",
        cause,
      });
    throw cause;
  }
}
