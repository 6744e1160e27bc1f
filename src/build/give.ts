/** What was built gets its names, and goes where it was asked to go. */
import { writeFileSync } from "node:fs";
import { invariant, messageOf } from "../errors.ts";
import type { Host } from "../host.ts";
import { emitImage } from "../image/events.ts";
import { addEntries, entryHere } from "../image/manifest-list.ts";
import { destinationOf, type PushedImage, type PushOptions } from "../image/push.ts";
import { pushAttested } from "../image/push-attested.ts";
import { pushManifestList } from "../image/push-list.ts";
import { indexDocument, type ListEntry, type ManifestList } from "../oci/manifest-list.ts";
import { mediaType } from "../oci/media-type.ts";
import { type Image, imagesByPrefix, manifestsOf } from "../records/images.ts";
import { annotationsAt, type BuildAnnotation } from "./annotations.ts";
import type { BuildOptions } from "./build.ts";
import { type BuildOutput, writeArchive } from "./output.ts";
import { tellTransfer } from "./transfer.ts";

type ImageOutput = Extract<BuildOutput, { readonly kind: "image" }>;

/** What came out. */
export interface Built {
  /** Of the image; of several, of the index that names them. */
  readonly id: string;
  /** Fully qualified. */
  readonly names: readonly string[];
  readonly images: readonly Image[];
  /** By buildx's names. */
  readonly facts: Readonly<Record<string, unknown>>;
}

/** One image, or an index of images, under all its names. */
interface Given extends Omit<Built, "facts"> {
  readonly list: ManifestList | null;
}

export type GiveOptions = Pick<
  BuildOptions,
  "annotations" | "fetch" | "iidFile" | "iidFileRaw" | "metadataFile" | "outputs" | "progress"
> & {
  readonly names: readonly string[];
  /** Those of `--manifest`, fully qualified. */
  readonly listNames: readonly string[];
  readonly signal: AbortSignal;
  /** More for the file that tells what came out. */
  readonly facts: Readonly<Record<string, unknown>>;
};

/** Names it, writes archives, pushes, and tells in files what it was. */
export async function give(
  host: Host,
  images: readonly Image[],
  options: GiveOptions,
): Promise<Built> {
  const { progress } = options;
  const given = named(host, images, options);
  for (const { id } of images) progress.status("export", `writing image sha256:${id}`, "done");
  for (const name of given.names) progress.status("export", `naming to ${name}`, "done");
  progress.done("export");
  for (const output of options.outputs)
    await writeArchive(host, images, output, { ...options, names: given.names });
  const pushed: PushedImage[] = [];
  for (const output of options.outputs)
    if (output.kind === "image" && output.pushes)
      pushed.push(...(await pushAll(host, given, output, options)));
  const { iidFile, iidFileRaw = null, metadataFile } = options;
  if (iidFile !== null) writeFileSync(iidFile, `sha256:${given.id}`);
  if (iidFileRaw !== null) writeFileSync(iidFileRaw, given.id);
  const facts = { ...options.facts, ...factsOf(host, given, pushed[0]) };
  if (metadataFile !== null) writeFileSync(metadataFile, `${JSON.stringify(facts, null, 2)}\n`);
  for (const image of images) emitImage(host, "build", image.id, given.names[0] ?? image.id);
  return { ...given, facts };
}

/** Several images have their names together, as an index; --manifest takes one in beside others. */
function named(host: Host, images: readonly Image[], options: GiveOptions): Given {
  const [only] = images;
  const names = images.length > 1 ? [...options.names, ...options.listNames] : options.listNames;
  if (only !== undefined && images.length === 1 && names.length === 0)
    return { id: only.id, names: only.names, images, list: null };
  const entries = images.map((image) => entryOf(host, image, options.annotations));
  const annotations = annotationsAt(options.annotations, "index", null);
  const made = { entries, annotations, subject: null };
  const lists = names.map((name) =>
    addEntries(host, name, made, { isAmending: options.listNames.includes(name) }),
  );
  const list = lists.at(-1) ?? { ...made, name: "" };
  const { digest } = indexDocument(list, "oci");
  const id = digest.slice("sha256:".length);
  return { id, names: [...names, ...(only?.names ?? [])], images, list };
}

function entryOf(host: Host, image: Image, annotations: readonly BuildAnnotation[]): ListEntry {
  const { os, architecture, variant = "" } = image.config;
  const platform = { os, architecture, variant };
  const entry = entryHere(host, image);
  return { ...entry, annotations: annotationsAt(annotations, "manifest-descriptor", platform) };
}

async function pushAll(
  host: Host,
  given: Given,
  output: ImageOutput,
  options: GiveOptions,
): Promise<PushedImage[]> {
  const { progress } = options;
  const title = "pushing layers";
  progress.started("push", title);
  try {
    const pushed: PushedImage[] = [];
    for (const name of pushNames(output, options)) {
      pushed.push(await pushTo(host, given, name, output, options));
      progress.status("push", `pushing manifest for ${name}`, "done");
    }
    progress.done("push");
    return pushed;
  } catch (error) {
    if (options.signal.aborted) progress.cancelled("push");
    else progress.failed("push", title, messageOf(error));
    throw error;
  }
}

async function pushTo(
  host: Host,
  { list, images }: Given,
  name: string,
  output: ImageOutput,
  { fetch, signal, progress }: GiveOptions,
): Promise<PushedImage> {
  const how: PushOptions = {
    ...fetch,
    signal,
    compression: output.compression,
    isByDigest: output.isByDigest,
    onProgress: (event) => tellTransfer(progress, "push", event),
  };
  if (list !== null)
    return pushManifestList(host, list.name, name, { ...how, withImages: true, isRemoved: false });
  const [image] = images;
  invariant(image !== undefined, "there is nothing to push");
  return pushAttested(host, image, destinationOf(name), how);
}

/** Where a result is pushed: to the names that the output has for it, or else to all its names. */
export const pushNames = (
  output: ImageOutput,
  { names, listNames }: Pick<GiveOptions, "names" | "listNames">,
): readonly string[] =>
  output.names.length > 0 ? output.names : [...new Set([...names, ...listNames])];

/** buildx's names for what came out. */
function factsOf(
  host: Host,
  { id, images, names, list }: Given,
  pushed: PushedImage | undefined,
): Record<string, unknown> {
  const here = list === null ? storedOf(host, id) : indexDocument(list, "oci");
  const digest = pushed?.digest ?? here?.digest;
  const type = pushed?.mediaType ?? here?.mediaType ?? mediaType.ociManifest;
  const size = pushed?.manifestBytes ?? Buffer.byteLength(here?.text ?? "");
  return {
    ...(images.length === 1 && { "containerimage.config.digest": `sha256:${images[0]?.id}` }),
    "containerimage.descriptor": { mediaType: type, digest, size },
    "containerimage.digest": digest,
    ...(names.length > 0 && { "image.name": names.join(",") }),
  };
}

function storedOf(host: Host, imageId: string) {
  const [image] = imagesByPrefix(host.database, imageId);
  return manifestsOf(host.database, imageId).find(({ digest }) => digest === image?.manifestDigest);
}
