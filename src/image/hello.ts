/**
 * The image that is always there: `hello`, made from the busybox inside this program when it is first
 * asked for. It needs no registry and no network, and every machine makes the same one.
 */
import { readFileSync } from "node:fs";
import busybox from "../../build/busybox" with { type: "file" };
import type { Host } from "../host.ts";
import { tarEnd, tarHeader, tarPadding } from "../layer/tar-write.ts";
import { decodeImageConfig } from "../oci/decode-image-config.ts";
import { hostPlatform } from "../oci/platform.ts";
import type { Image } from "../records/images.ts";
import { applets } from "./busybox-applets.ts";
import { helloName } from "./hello-name.ts";
import { ownManifest } from "./own-manifest.ts";
import { publishImage } from "./publish.ts";
import { openStage } from "./stage.ts";
import { stageOneLayer } from "./stage-layers.ts";

const created = "2026-01-01T00:00:00Z";

const greeting = `#!/bin/sh
cat <<'END'

Hello from Cooper!

Cooper made this container out of an image that it carries in itself, started the
command in it, and passed its output on to you. No daemon was involved.

To go on, try:   cooper run -it --rm hello sh
and after that:  cooper run -it --rm docker.io/library/debian bash

END
`;

/** Puts the built-in image into the store. */
export async function makeHello(host: Host): Promise<Image> {
  using stage = await openStage(host);
  const layer = await stageOneLayer(host, stage.next("layer"), {
    kind: "stream",
    chunks: helloChunks(),
  });
  const decoded = decodeImageConfig(Buffer.from(helloConfig(layer.id)), "the built-in image");
  // awaited here: the stage goes when this function returns
  return await publishImage(host, {
    config: decoded.config,
    configText: decoded.text,
    manifests: [ownManifest(decoded.text, [layer])],
    layers: [layer],
    names: [helloName],
    repoDigests: [],
    parentId: null,
  });
}

/** The configuration of the image with that layer. */
export function helloConfig(layerId: string): string {
  const { architecture, os } = hostPlatform();
  return JSON.stringify({
    created,
    architecture,
    os,
    config: {
      Cmd: ["/bin/hello"],
      Env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
      Labels: {
        "org.opencontainers.image.title": "hello",
        "org.opencontainers.image.description": "Cooper's built-in image",
      },
    },
    rootfs: { type: "layers", diff_ids: [`sha256:${layerId}`] },
    history: [{ created, created_by: "cooper", comment: "built into cooper" }],
  });
}

/** Put together only when it is asked for: while the child that unpacks it is starting. */
export async function* helloChunks(): AsyncGenerator<Uint8Array> {
  yield helloTar(readFileSync(busybox));
}

/** The same bytes on every machine of an architecture, for a given busybox. */
function helloTar(busyboxBytes: Buffer): Buffer {
  const mtime = Date.parse(created) / 1000;
  const parts: Buffer[] = [];
  const directory = (name: string, mode = 0o755) =>
    parts.push(tarHeader({ name: `${name}/`, type: "5", mode, mtime }));
  const file = (name: string, contents: Buffer, mode: number) =>
    parts.push(
      tarHeader({ name, type: "0", mode, mtime, size: contents.length }),
      contents,
      tarPadding(contents.length),
    );
  const symlink = (name: string, linkName: string) =>
    parts.push(tarHeader({ name, type: "2", mode: 0o777, mtime, linkName }));

  for (const name of [
    "bin",
    "dev",
    "etc",
    "home",
    "proc",
    "run",
    "sys",
    "usr",
    "usr/local",
    "usr/local/bin",
    "var",
  ])
    directory(name);
  directory("root", 0o700);
  directory("tmp", 0o1777);
  directory("var/tmp", 0o1777);
  symlink("sbin", "bin");
  symlink("usr/bin", "../bin");
  symlink("usr/sbin", "../bin");
  symlink("var/run", "../run");
  file("bin/busybox", busyboxBytes, 0o755);
  for (const name of applets(busyboxBytes))
    parts.push(
      tarHeader({ name: `bin/${name}`, type: "1", mode: 0o755, mtime, linkName: "bin/busybox" }),
    );
  file("bin/hello", Buffer.from(greeting), 0o755);
  file(
    "etc/passwd",
    Buffer.from("root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n"),
    0o644,
  );
  file("etc/group", Buffer.from("root:x:0:\ntty:x:5:\nnogroup:x:65534:\n"), 0o644);
  parts.push(tarEnd());
  return Buffer.concat(parts);
}
