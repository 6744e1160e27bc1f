/** Image archives for tests, made with tar(1) around Debian's static busybox. */
import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** A file or link of a fixture: its path, and what is in it or where it points. */
export interface Part {
  readonly path: string;
  readonly content?: string | Uint8Array;
  readonly link?: string;
}

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

/** An uncompressed tar of these parts, with the owner 0:0 and a fixed time. */
export function tarOf(parts: readonly Part[], ...flags: string[]): Uint8Array {
  const directory = mkdtempSync("/tmp/ci-");
  try {
    for (const { path, content, link } of parts) {
      const target = join(directory, path);
      mkdirSync(dirname(target), { recursive: true });
      if (link !== undefined) symlinkSync(link, target);
      else writeFileSync(target, content ?? "");
    }
    return tarFolder(directory, ...flags);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function tarFolder(directory: string, ...flags: string[]): Uint8Array {
  const fixed = ["--owner=0", "--group=0", "--numeric-owner", "--sort=name", "--mtime=@0"];
  const made = Bun.spawnSync(["tar", "-C", directory, ...fixed, ...flags, "-c", "."], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  if (!made.success) throw new Error(`tar: ${made.stderr}`);
  return made.stdout;
}

/** A layer with busybox and some of its applets. */
function busyboxLayer(): Uint8Array {
  const directory = mkdtempSync("/tmp/ci-");
  try {
    mkdirSync(join(directory, "bin"));
    mkdirSync(join(directory, "tmp"));
    copyFileSync("/bin/busybox", join(directory, "bin/busybox"));
    for (const applet of ["sh", "cat", "echo", "true", "sleep", "ls", "id", "env", "pwd"])
      symlinkSync("busybox", join(directory, "bin", applet));
    return tarFolder(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Busybox first, then layers that hold a file `/layer-N` each. */
export function layersOf(count: number): Uint8Array[] {
  return Array.from({ length: count }, (_, index) =>
    index === 0 ? busyboxLayer() : tarOf([{ path: `layer-${index + 1}`, content: `${index + 1}` }]),
  );
}

/** The configuration of an image of these layers. */
function configOf(layers: readonly Uint8Array[], config: object = {}): string {
  return JSON.stringify({
    architecture: "amd64",
    os: "linux",
    config: { Cmd: ["/bin/sh"], ...config },
    rootfs: { type: "layers", diff_ids: layers.map((layer) => `sha256:${sha256(layer)}`) },
    history: layers.map((_, index) => ({ created_by: `layer ${index + 1}` })),
  });
}

/** What `docker save` writes. */
export function dockerArchive(name: string, count: number, config = {}): Uint8Array {
  return dockerArchiveOf(name, layersOf(count), config);
}

/** What `docker save` writes of an image of these layers. */
export function dockerArchiveOf(
  name: string,
  layers: readonly Uint8Array[],
  config = {},
): Uint8Array {
  const text = configOf(layers, config);
  const id = sha256(Buffer.from(text));
  const files = layers.map((layer) => `${sha256(layer)}.tar`);
  const manifest = [{ Config: `${id}.json`, RepoTags: [name], Layers: files }];
  return tarOf([
    ...layers.map((content) => ({ path: `${sha256(content)}.tar`, content })),
    { path: `${id}.json`, content: text },
    { path: "manifest.json", content: JSON.stringify(manifest) },
  ]);
}

/** The files of an OCI image layout, optionally compressed by gzip. */
export function ociLayout(name: string, count: number, options: { gzip?: boolean } = {}): Part[] {
  const layers = layersOf(count);
  const blobs: Part[] = [];
  const add = (mediaType: string, bytes: Uint8Array) => {
    blobs.push({ path: `blobs/sha256/${sha256(bytes)}`, content: bytes });
    return { mediaType, digest: `sha256:${sha256(bytes)}`, size: bytes.length };
  };
  const type = "application/vnd.oci.image";
  const config = add(`${type}.config.v1+json`, Buffer.from(configOf(layers)));
  const descriptors = layers.map((layer) =>
    options.gzip
      ? add(`${type}.layer.v1.tar+gzip`, Bun.gzipSync(new Uint8Array(layer)))
      : add(`${type}.layer.v1.tar`, layer),
  );
  const mediaType = `${type}.manifest.v1+json`;
  const text = JSON.stringify({ schemaVersion: 2, mediaType, config, layers: descriptors });
  const manifest = add(mediaType, Buffer.from(text));
  const annotations = { "org.opencontainers.image.ref.name": name };
  const index = { schemaVersion: 2, manifests: [{ ...manifest, annotations }] };
  return [
    ...blobs,
    { path: "oci-layout", content: '{"imageLayoutVersion":"1.0.0"}' },
    { path: "index.json", content: JSON.stringify(index) },
  ];
}
