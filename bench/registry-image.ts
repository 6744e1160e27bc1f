/**
 * An image of ten layers with real Debian packages, about 550 MB unpacked, as an OCI layout: made once,
 * from Debian's archive. Usage: bun bench/registry-image.ts DIRECTORY
 */
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join, resolve } from "node:path";

/** A layer each, above a minimal system. */
const packages: readonly (readonly string[])[] = [
  ["perl", "perl-base", "perl-modules-5.36", "libperl5.36"],
  ["python3.11", "python3.11-minimal", "libpython3.11-stdlib", "libpython3.11-minimal"],
  ["git", "git-man", "libcurl3-gnutls"],
  ["vim", "vim-runtime", "vim-common"],
  ["cpp-12"],
  ["gcc-12", "libgcc-12-dev"],
  ["binutils", "binutils-common", "binutils-x86-64-linux-gnu", "libbinutils"],
  ["iso-codes", "locales", "linux-libc-dev"],
  ["openssl", "libssl3", "libc6-dev", "libstdc++-12-dev", "manpages"],
];

function must(argv: readonly string[], cwd?: string): void {
  const made = Bun.spawnSync([...argv], {
    ...(cwd !== undefined && { cwd }),
    stdio: ["ignore", "ignore", "pipe"],
  });
  if (!made.success) throw new Error(`${argv.join(" ")}: ${made.stderr}`);
}

/** The unpacked packages as a tar. */
function layerOf(names: readonly string[], tar: string): void {
  const directory = mkdtempSync("/tmp/bench-layer-");
  try {
    const [archives, tree] = [join(directory, "debs"), join(directory, "tree")];
    mkdirSync(archives);
    must(["apt-get", "-qq", "-o", "APT::Sandbox::User=root", "download", ...names], archives);
    for (const name of readdirSync(archives))
      must(["dpkg-deb", "--extract", join(archives, name), tree]);
    must(["tar", "--numeric-owner", "--sort=name", "-C", tree, "-cf", tar, "."]);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function makeLayout(layout: string): void {
  const blobs = join(layout, "blobs/sha256");
  mkdirSync(blobs, { recursive: true });
  const keep = (bytes: Buffer, mediaType: string) => {
    const digest = createHash("sha256").update(bytes).digest("hex");
    writeFileSync(join(blobs, digest), bytes);
    return { mediaType, digest: `sha256:${digest}`, size: bytes.length };
  };
  const type = "application/vnd.oci.image";
  const tar = join(layout, "layer.tar");
  const layers = [[], ...packages].map((names) => {
    if (names.length > 0) layerOf(names, tar);
    else must(["mmdebstrap", "--quiet", "--variant=minbase", "bookworm", tar]);
    return keep(readFileSync(tar), `${type}.layer.v1.tar`);
  });
  rmSync(tar);
  const text = (value: object) => Buffer.from(JSON.stringify(value));
  const diffIds = layers.map(({ digest }) => digest);
  const image = { architecture: "amd64", os: "linux", config: { Cmd: ["/bin/bash"] } };
  const config = keep(
    text({ ...image, rootfs: { type: "layers", diff_ids: diffIds } }),
    `${type}.config.v1+json`,
  );
  const mediaType = `${type}.manifest.v1+json`;
  const manifest = keep(text({ schemaVersion: 2, mediaType, config, layers }), mediaType);
  const annotations = { "org.opencontainers.image.ref.name": "1" };
  const index = { schemaVersion: 2, manifests: [{ ...manifest, annotations }] };
  writeFileSync(join(layout, "index.json"), JSON.stringify(index));
  writeFileSync(join(layout, "oci-layout"), '{"imageLayoutVersion":"1.0.0"}');
}

if (import.meta.main) {
  const layout = join(resolve(process.argv[2] ?? "build/bench"), "layers");
  if (!existsSync(layout)) {
    const draft = `${layout}.${process.pid}`;
    makeLayout(draft);
    renameSync(draft, layout);
  }
}
