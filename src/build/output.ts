/** `--output`: what was built, beside the store or instead of an image in it. */
import { closeSync, mkdirSync, openSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Host } from "../host.ts";
import type { PushCompression } from "../image/push-layer.ts";
import { saveImages } from "../image/save.ts";
import { writeFully } from "../image/spool.ts";
import { packTree } from "../layer/pack.ts";
import { placeTar } from "../layer/place.ts";
import { tarEnd, tarHeader, tarPadding } from "../layer/tar-write.ts";
import type { Attestation } from "../oci/attestation.ts";
import { formatPlatform, type Platform } from "../oci/platform.ts";
import { attestationsOf } from "../records/attestations.ts";
import type { Image } from "../records/images.ts";
import { openNewFile } from "../system/new-file.ts";
import { writeAll } from "../system/pipe.ts";
import { type AttestationFile, attestationFiles } from "./attest/files.ts";
import { type LayoutOptions, writeLayout } from "./oci-output.ts";
import type { BuildSession, BuiltTree } from "./session.ts";

export type BuildOutput =
  /** An image of the store, which may go to a registry too. */
  | {
      readonly kind: "image";
      /** Besides those of --tag; where there are any, it is pushed to these alone. */
      readonly names: readonly string[];
      readonly pushes: boolean;
      /** Without a tag there. */
      readonly isByDigest: boolean;
      readonly compression: PushCompression;
    }
  /** All files, in a directory. */
  | { readonly kind: "local"; readonly destination: string }
  /** All files, as a tar; `-`: standard output. */
  | { readonly kind: "tar"; readonly destination: string }
  /** The image, as a file that `load` takes. */
  | { readonly kind: "docker" | "oci"; readonly destination: string };

/** A tree for one platform; of several, each gets a directory of its own. */
export interface PlatformTree {
  readonly platform: Platform;
  readonly tree: BuiltTree;
  /** Put beside the files. */
  readonly attestations: readonly Attestation[];
}

/** Writes the files of the trees. */
export async function writeFiles(
  session: BuildSession,
  trees: readonly PlatformTree[],
  output: BuildOutput,
): Promise<void> {
  if (output.kind === "local") {
    for (const one of trees)
      await writeDirectory(session, one, join(output.destination, prefixOf(one, trees)));
  } else if (output.kind === "tar") await writeTar(session, trees, output.destination);
}

/** `linux_arm64/`, as buildx names them. */
const prefixOf = ({ platform }: PlatformTree, all: readonly PlatformTree[]) =>
  all.length === 1 ? "" : `${formatPlatform(platform).replaceAll("/", "_")}/`;

async function writeDirectory(
  session: BuildSession,
  { tree, attestations }: PlatformTree,
  destination: string,
): Promise<void> {
  using view = session.view(tree);
  const root = resolve(destination);
  mkdirSync(root, { recursive: true });
  const owner = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  const files = attestationFiles(view, attestations);
  const tar = allOf(
    packTree(view, { kind: "filesystem", only: ".", signal: session.signal, goesOn: true }),
    [...files.map((file) => tarFile(file, "")), tarEnd()],
  );
  await placeTar(tar, { root, directory: "/", name: null, owner, overwrites: true });
}

async function writeTar(
  session: BuildSession,
  trees: readonly PlatformTree[],
  destination: string,
): Promise<void> {
  const descriptor = destination === "-" ? 1 : openSync(destination, "w", 0o666);
  try {
    for (const one of trees) {
      using view = session.view(one.tree);
      const prefix = prefixOf(one, trees);
      if (prefix !== "") writeAll(descriptor, tarHeader({ name: prefix, type: "5", mode: 0o755 }));
      const { signal } = session;
      const how = { kind: "filesystem", only: ".", signal, prefix, goesOn: true } as const;
      for await (const chunk of packTree(view, how)) writeAll(descriptor, chunk);
      for (const file of attestationFiles(view, one.attestations))
        writeAll(descriptor, tarFile(file, prefix));
    }
    writeAll(descriptor, tarEnd());
  } finally {
    if (descriptor !== 1) closeSync(descriptor);
  }
}

async function* allOf(
  first: AsyncIterable<Uint8Array>,
  rest: readonly Uint8Array[],
): AsyncGenerator<Uint8Array> {
  yield* first;
  yield* rest;
}

function tarFile({ name, text }: AttestationFile, prefix: string): Buffer {
  const bytes = Buffer.from(text);
  const header = tarHeader({ name: prefix + name, type: "0", mode: 0o644, size: bytes.length });
  return Buffer.concat([header, bytes, tarPadding(bytes.length)]);
}

/** Writes images to a file, or with `-` to standard output. */
export async function writeArchive(
  host: Host,
  images: readonly Image[],
  output: BuildOutput,
  options: LayoutOptions,
): Promise<void> {
  if (output.kind !== "docker" && output.kind !== "oci") return;
  const toOutput = (bytes: Uint8Array): void => void writeAll(1, bytes);
  const isOut = output.destination === "-";
  const [only] = images;
  const hasIndex =
    images.length > 1 || images.some(({ id }) => attestationsOf(host.database, id).length > 0);
  if (only !== undefined && !hasIndex) {
    await saveImages(host, [only.names[0] ?? only.id], {
      output: isOut ? toOutput : output.destination,
      format: output.kind === "docker" ? "docker-archive" : "oci-archive",
      compression: null,
    });
  } else if (isOut) await writeLayout(host, images, options, toOutput);
  else {
    using file = openNewFile(output.destination);
    await writeLayout(host, images, options, (bytes) => writeFully(file.descriptor, bytes));
    file.commit();
  }
}
