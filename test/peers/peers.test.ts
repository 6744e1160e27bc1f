/**
 * The newest peers as referees, in a tree of their own (see scripts/test-peers): each takes in what we
 * write and runs it, we take in what it writes, and its store is taken over.
 */
import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestHost, testHost } from "../e2e/host.ts";
import { dockerArchive } from "../e2e/images.ts";

const tree = process.env.COOPER_PEERS_TREE ?? "";
const name = "example.com/box:1";
const changed = "localhost/changed:2";

/** Writes an image that takes things away from another, in all formats, into the host's `files`; its id. */
async function write(host: TestHost): Promise<string> {
  const files = host.place("files");
  writeFileSync(join(files, "in.tar"), dockerArchive(name, 3));
  await host.must("load", "-q", "-i", join(files, "in.tar"));
  const change = "rm /layer-2; mkdir /d; echo new > /d/f; ln /d/f /link; chmod 4755 /d/f";
  await host.must(
    "run",
    "--name",
    "c",
    "--network",
    "none",
    name,
    "/bin/busybox",
    "sh",
    "-c",
    change,
  );
  await host.must("commit", "-q", "c", changed);
  for (const format of ["docker-archive", "oci-archive", "oci-dir", "docker-dir"])
    await host.must("save", "--format", format, "-o", join(files, `our-${format}`), changed);
  await host.must(
    "save",
    "--compress",
    "--format",
    "oci-archive",
    "-o",
    join(files, "our-gzip"),
    changed,
  );
  return await host.must("image", "inspect", "-f", "{{.Id}}", changed);
}

/** Runs a script of the peers' in their tree; its lines. */
function inside(host: TestHost, script: string, ...args: string[]): string[] {
  const files = host.place("files");
  const path = join(files, "script");
  writeFileSync(path, `set -eu\ncd ${files}\n${script}`);
  const run = Bun.spawnSync([join(import.meta.dir, "enter"), tree, files, "sh", path, ...args], {
    env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", HOME: "/tmp" },
    stderr: "pipe",
  });
  if (!run.success) throw new Error(`${script}\n${run.stdout}${run.stderr}`);
  return run.stdout.toString().trim().split("\n");
}

const look = "/bin/busybox sh -c 'cat /link; ls /layer-2 2> /dev/null; stat -c %a /d/f'";
const shown = ["new", "4755"];

/** What the peer made of our image, and of its own commit, here again. */
async function runs(host: TestHost, image: string): Promise<void> {
  const words = ["run", "--rm", "--network", "none", "-v", "data:/v", image, "/bin/busybox"];
  const script = "cat /link /v/kept /theirs; stat -c %a /d/f";
  expect(await host.must(...words, "sh", "-c", script)).toBe("new\nkept\ntheirs\n4755");
}

const ourForms = [
  "docker-archive:our-docker-archive",
  "oci-archive:our-oci-archive",
  "oci-archive:our-gzip",
  "oci:our-oci-dir",
  "dir:our-docker-dir",
];

describe("Podman", () => {
  const podman = `export PODMAN_IGNORE_CGROUPSV1_WARNING=1
    pod() { podman --root "$PWD/podman" --runroot /run/podman --cgroup-manager cgroupfs --events-backend file "$@"; }
    podrun() { pod run --network none --runtime runc "$@"; }`;

  test("takes in what we write, and runs it", async () => {
    await using host = await testHost();
    const id = await write(host);
    for (const form of ourForms) {
      const lines = inside(
        host,
        `${podman}
        id=$(pod pull -q ${form})
        echo "$id"
        podrun --rm "$id" ${look}`,
      );
      expect([form, ...lines]).toEqual([form, id.replace("sha256:", ""), ...shown]);
    }
  });

  test("what it writes is taken in here, and its store is taken over", async () => {
    await using host = await testHost();
    await write(host);
    const [id = ""] = inside(
      host,
      `${podman}
      pod load -q -i our-docker-archive > /dev/null
      pod volume create data > /dev/null
      podrun --name d -v data:/v ${changed} /bin/busybox sh -c 'echo kept > /v/kept; echo theirs > /theirs'
      pod commit -q d localhost/theirs:1
      pod save -q --format docker-archive -o their-docker-archive localhost/theirs:1
      pod save -q --format oci-archive -o their-oci-archive localhost/theirs:1
      pod push -q localhost/theirs:1 oci:their-oci:1
      pod push -q --compression-format zstd:chunked localhost/theirs:1 dir:their-dir
      pod push -q --compression-format zstd localhost/theirs:1 oci-archive:their-zstd:localhost/theirs:1`,
    );
    const files = host.place("files");
    const theirForms = [
      `docker-archive:${files}/their-docker-archive`,
      `oci-archive:${files}/their-oci-archive`,
      `oci-archive:${files}/their-zstd`,
      `oci:${files}/their-oci:1`,
      `dir:${files}/their-dir`,
    ];
    for (const form of theirForms)
      expect([form, await host.must("pull", "-q", form)]).toEqual([form, id]);
    await host.must("rmi", "-f", id);
    const taken = await host.must("system", "adopt", "--from", join(files, "podman"));
    expect(taken).toContain("image localhost/theirs:1");
    expect(taken).toContain("volume data: taken");
    expect(await host.must("images", "-q", "--no-trunc", "localhost/theirs:1")).toBe(
      `sha256:${id}`,
    );
    await runs(host, "localhost/theirs:1");
    expect((await host.cooper("system", "check")).exitCode).toBe(0);
  });
});

describe.each([
  // without containerd Docker reads its own archives alone
  { store: "graph drivers", snapshotter: false, forms: ["our-docker-archive"] },
  {
    store: "containerd",
    snapshotter: true,
    forms: ["our-docker-archive", "our-oci-archive", "our-gzip"],
  },
])("Docker with $store", ({ snapshotter, forms }) => {
  const docker = `
    echo '{"features": {"containerd-snapshotter": ${snapshotter}}}' > /run/daemon.json
    export DOCKER_HOST=unix:///run/docker.sock
    dockerd --config-file /run/daemon.json --data-root "$PWD/docker" --exec-root /run/exec -p /run/pid -H $DOCKER_HOST \\
      --iptables=false --ip6tables=false --ip-forward=false --ip-masq=false --bridge=none > dockerd.log 2>&1 &
    for try in $(seq 150); do docker info > /dev/null 2>&1 && break; sleep 0.2; done
    leave() { kill "$(cat /run/pid)"; wait; }
    trap leave EXIT
    layers() { docker image inspect -f '{{json .RootFS.Layers}}' "$1"; }`;

  test("takes in what we write, and runs it", async () => {
    await using host = await testHost();
    await write(host);
    const layers = await host.must("image", "inspect", "-f", "{{json .RootFS.Layers}}", changed);
    const lines = inside(
      host,
      `${docker}
      for form in ${forms.join(" ")}; do
        docker load -q -i $form > /dev/null
        layers ${changed}
        docker run --rm --network none ${changed} ${look}
        docker rmi -f ${changed} > /dev/null
      done`,
    );
    expect(lines).toEqual(forms.flatMap(() => [layers, ...shown]));
  });

  test("what it writes is taken in here, and its store is taken over", async () => {
    await using host = await testHost();
    await write(host);
    const [layers = ""] = inside(
      host,
      `${docker}
      docker load -q -i our-docker-archive > /dev/null
      docker volume create data > /dev/null
      docker run --network none --name their -v data:/v ${changed} \\
        /bin/busybox sh -c 'echo kept > /v/kept; echo theirs > /theirs'
      docker commit their localhost/theirs:1 > /dev/null
      layers localhost/theirs:1
      docker save -o their-archive localhost/theirs:1`,
    );
    const files = host.place("files");
    const inspect = ["image", "inspect", "-f", "{{json .RootFS.Layers}}", "localhost/theirs:1"];
    await host.must("load", "-q", "-i", join(files, "their-archive"));
    expect(await host.must(...inspect)).toBe(layers);
    await host.must("rmi", "-f", "localhost/theirs:1");
    const taken = await host.must("system", "adopt", "--from", join(files, "docker"));
    expect(taken).toContain("image localhost/theirs:1");
    expect(taken).toContain("volume data: taken");
    expect(await host.must(...inspect)).toBe(layers);
    await runs(host, "localhost/theirs:1");
    expect((await host.cooper("system", "check")).exitCode).toBe(0);
  });
});
