/** What is loaded and run: a root file system with busybox alone, and a full Debian. */
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

function sh(script: string): void {
  const result = Bun.spawnSync(["sh", "-euc", script], { stdio: ["ignore", "ignore", "pipe"] });
  if (!result.success) throw new Error(`${script}: ${result.stderr}`);
}

/** A tar with a static busybox as `true`, `sh` and `sleep`. */
export function busyboxTar(directory: string): string {
  const tree = join(directory, "rootfs");
  const file = join(directory, "rootfs.tar");
  mkdirSync(join(tree, "bin"), { recursive: true });
  sh(
    `cp /bin/busybox ${tree}/bin/; for a in sh true sleep; do ln -s busybox ${tree}/bin/$a; done; tar -C ${tree} -cf ${file} .`,
  );
  return file;
}

/** A Debian as `docker save` writes it (plain layers), and as an OCI archive (gzip). */
export interface DebianArchives {
  readonly docker: string;
  readonly oci: string;
}

/** Each layer holds what the ones before it do not: many small files, few large ones, a bit of both. */
const layerPaths = ["usr/share", "usr/lib usr/bin usr/sbin", "var", "."];

/** Makes them once, and keeps them in `cache`; null, with a word, where mmdebstrap or skopeo is missing. */
export function debianArchives(cache: string): DebianArchives | null {
  const archives = { docker: join(cache, "debian-docker.tar"), oci: join(cache, "debian-oci.tar") };
  if (Object.values(archives).every(existsSync)) return archives;
  for (const program of ["mmdebstrap", "skopeo"]) {
    if (Bun.which(program) !== null) continue;
    process.stdout.write(`no Debian image: ${program} is not installed\n`);
    return null;
  }
  process.stdout.write("making a Debian image; this is done once\n");
  const work = join(cache, "work");
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work, { recursive: true });
  sh(`mmdebstrap bookworm ${work}/debian.tar $(ls /etc/apt/sources.list.d/debian.sources || :)`);
  sh(`mkdir ${work}/tree && tar -C ${work}/tree --exclude './dev/*' -xpf ${work}/debian.tar`);
  const layers = layerPaths.map((paths, index) => splitLayer(work, paths, index));
  writeDockerArchive(work, layers);
  for (const [kind, file] of Object.entries(archives)) {
    const staged = `${work}/${kind}.tar`;
    sh(
      `skopeo copy -q --insecure-policy docker-archive:${work}/plain.tar ${kind}-archive:${staged}:localhost/debian:bench`,
    );
    renameSync(staged, file);
  }
  rmSync(work, { recursive: true });
  return archives;
}

/** Puts those paths into a tar of their own, and takes them out of the tree. */
function splitLayer(work: string, paths: string, index: number): string {
  const name = `${index}.tar`;
  sh(`tar -C ${work}/tree --numeric-owner --xattrs -cf ${work}/${name} ${paths}`);
  if (paths !== ".") sh(`cd ${work}/tree && rm -rf ${paths}`);
  return name;
}

/** The form of `docker save`: manifest.json, a config that names the digests, and the layers. */
function writeDockerArchive(work: string, layers: readonly string[]): void {
  const digests = layers.map((layer) => {
    const hash = Bun.spawnSync(["sha256sum", join(work, layer)]).stdout.toString();
    return `sha256:${hash.slice(0, 64)}`;
  });
  writeFileSync(
    join(work, "config.json"),
    JSON.stringify({
      architecture: process.arch === "x64" ? "amd64" : process.arch,
      os: "linux",
      config: { Cmd: ["/bin/bash"] },
      rootfs: { type: "layers", diff_ids: digests },
      history: digests.map(() => ({ created: "2026-01-01T00:00:00Z" })),
    }),
  );
  const manifest = [
    { Config: "config.json", RepoTags: ["localhost/debian:bench"], Layers: layers },
  ];
  writeFileSync(join(work, "manifest.json"), JSON.stringify(manifest));
  sh(`tar -C ${work} -cf ${work}/plain.tar manifest.json config.json ${layers.join(" ")}`);
}
