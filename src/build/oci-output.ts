/** `--output type=oci` of more than one image alone: a layout whose index names them, and what is attested of them. */
import type { Host } from "../host.ts";
import { layoutEntries, layoutMembers } from "../image/archive-formats.ts";
import { tarOfMembers } from "../image/archive-writer.ts";
import { Outgoing, type OutgoingBlob } from "../image/outgoing.ts";
import { openStage } from "../image/stage.ts";
import { attestationEntry, attestationManifest, imagePurl } from "../oci/attestation.ts";
import { digestOf } from "../oci/digest.ts";
import { type IndexItem, indexDocument } from "../oci/manifest-list.ts";
import { formatPlatform, shortPlatform } from "../oci/platform.ts";
import { attestationsOf } from "../records/attestations.ts";
import type { Image } from "../records/images.ts";
import { annotationsAt, type BuildAnnotation } from "./annotations.ts";

/** What such a layout says besides. */
export interface LayoutOptions {
  /** Fully qualified; the index gets them. */
  readonly names: readonly string[];
  readonly annotations: readonly BuildAnnotation[];
  readonly signal: AbortSignal;
}

/** Hands over the tar of the layout, in pieces. */
export async function writeLayout(
  host: Host,
  images: readonly Image[],
  { names, annotations, signal }: LayoutOptions,
  write: (bytes: Uint8Array) => void,
): Promise<void> {
  using _lock = await host.locks.store("shared");
  using stage = await openStage(host);
  const how = { compression: "as-it-came", otherwise: "gzip", level: null, signal } as const;
  using outgoing = new Outgoing(host, stage, { family: "oci", ...how });
  const blobs: OutgoingBlob[] = [];
  const texts: string[] = [];
  const items: IndexItem[] = [];
  const attested: IndexItem[] = []; // at the end, as BuildKit has them
  for (const image of images) {
    const { manifest, layers, config } = await outgoing.image(image, []);
    blobs.push(...layers, config);
    texts.push(manifest.text);
    const { os, architecture, variant = "" } = image.config;
    const platform = shortPlatform({ os, architecture, variant });
    const subject = {
      mediaType: manifest.mediaType,
      digest: digestOf(manifest.text),
      size: Buffer.byteLength(manifest.text),
    };
    const own = annotationsAt(annotations, "manifest-descriptor", platform);
    items.push({ ...subject, platform, annotations: own });
    const attestations = attestationsOf(host.database, image.id);
    if (attestations.length === 0) continue;
    const called = names.length === 0 ? [image.id] : names;
    const purls = called.map((name) => imagePurl(name, formatPlatform(platform)));
    const about = attestationManifest(subject, attestations, purls);
    texts.push(about.text, ...about.blobs);
    attested.push(attestationEntry(about, subject.digest));
  }
  const ofIndex = annotationsAt(annotations, "index", null);
  const entries = [...items, ...attested];
  const index = indexDocument({ entries, annotations: ofIndex, subject: null }, "oci");
  const described = annotationsAt(annotations, "index-descriptor", null);
  const content = {
    blobs,
    texts: [...texts, index.text],
    entries: layoutEntries(index, names).map((entry) => ({
      ...entry,
      annotations: { ...described, ...entry.annotations },
    })),
  };
  for await (const chunk of tarOfMembers(layoutMembers(content, []))) {
    signal.throwIfAborted();
    write(chunk);
  }
}
