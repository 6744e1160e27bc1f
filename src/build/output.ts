/** `--output`: what was built, beside the store or instead of an image in it. */
import { closeSync, mkdirSync, openSync } from "node:fs";
import { resolve } from "node:path";
import type { Host } from "../host.ts";
import { saveImages } from "../image/save.ts";
import { packTree } from "../layer/pack.ts";
import { placeTar } from "../layer/place.ts";
import type { Image } from "../records/images.ts";
import { writeAll } from "../system/pipe.ts";
import type { BuildSession, BuiltTree } from "./session.ts";

export type BuildOutput =
  | { readonly kind: "image" }
  /** All files, in a directory. */
  | { readonly kind: "local"; readonly destination: string }
  /** All files, as a tar; `-`: standard output. */
  | { readonly kind: "tar"; readonly destination: string }
  /** The image, as a file that `load` takes. */
  | { readonly kind: "docker" | "oci"; readonly destination: string };

/** Writes the files of a tree. */
export async function writeFiles(
  session: BuildSession,
  tree: BuiltTree,
  output: BuildOutput,
): Promise<void> {
  if (output.kind !== "local" && output.kind !== "tar") return;
  using view = session.view(tree);
  const tar = packTree(view, { kind: "filesystem", only: ".", signal: session.signal });
  if (output.kind === "local") {
    const root = resolve(output.destination);
    mkdirSync(root, { recursive: true });
    const owner = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
    await placeTar(tar, { root, directory: "/", name: null, owner, overwrites: true });
    return;
  }
  const descriptor = output.destination === "-" ? 1 : openSync(output.destination, "w", 0o666);
  try {
    for await (const chunk of tar) writeAll(descriptor, chunk);
  } finally {
    if (descriptor !== 1) closeSync(descriptor);
  }
}

/** Writes an image to a file, as `save` does. */
export async function writeArchive(host: Host, image: Image, output: BuildOutput): Promise<void> {
  if (output.kind !== "docker" && output.kind !== "oci") return;
  await saveImages(host, [image.names[0] ?? image.id], {
    output: output.destination,
    format: output.kind === "docker" ? "docker-archive" : "oci-archive",
    compression: null,
  });
}
