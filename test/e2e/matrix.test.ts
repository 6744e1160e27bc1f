/**
 * The exchange matrix: what we write, the peers read, and what they write, we read; the image has the same
 * configuration and layers on both sides, and runs. COOPER_MATRIX=all has ordinary users do it too.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chownSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestHost, testHost, type User, users } from "./host.ts";
import { dockerArchive } from "./images.ts";
import { endPodman, hasPeer, peer } from "./peers.ts";
import { type TestRegistry, testRegistry } from "./registry.ts";

const isAll = process.env.COOPER_MATRIX === "all";
const everybody = users
  .slice(0, isAll ? 2 : 1)
  .map((user) => ({ user, who: user?.name ?? "the caller" }));

const formats = ["docker-archive", "oci-archive", "oci", "dir", "registry", "tar"] as const;
type Format = (typeof formats)[number];
const name = "example.com/box:1";

/** What an image is, whoever is asked. */
interface Identity {
  readonly id: string;
  readonly layers: readonly string[];
}

/** One cell's place: a host, and whoever acts on it. */
interface Cell {
  readonly host: TestHost;
  readonly user: User | null;
  readonly files: string;
  /** An archive of the image, for peers that have none yet. */
  readonly base: string;
}

/** A peer: what it can exchange, how it takes an image in and how it gives one out. */
interface Peer {
  readonly programs: readonly string[];
  readonly formats: readonly Format[];
  /** Why the others are not there. */
  readonly why: string;
  /** From where `location` says; resolves to what the peer makes of it. */
  takes(cell: Cell, format: Format, location: string): Identity | Promise<Identity>;
  /** To there, out of the base archive. */
  gives(cell: Cell, format: Format, location: string): void | Promise<void>;
}

const hex = (id: string) => id.replace("sha256:", "");

/** As skopeo sees what is at a location. */
function lookAt({ host, user }: Cell, location: string): Identity {
  const inspect = ["skopeo", "inspect", "--tls-verify=false", "--raw"];
  const manifest = JSON.parse(peer(host, user, ...inspect, location)) as {
    config: { digest: string };
  };
  const config = JSON.parse(peer(host, user, ...inspect, "--config", location)) as {
    rootfs: { diff_ids: string[] };
  };
  return { id: hex(manifest.config.digest), layers: config.rootfs.diff_ids };
}

/** Podman and Buildah make a name of an OCI directory's path, and names are in lower case: relative, it is. */
const inFiles = (location: string) => location.replace(/^oci:.*\//, "oci:");

const imageTools: readonly Format[] = ["docker-archive", "oci-archive", "oci", "dir", "registry"];

const store = ({ files }: Cell, of: string) => [
  "--root",
  `${files}/${of}`,
  "--runroot",
  `${files}/${of}-run`,
];

const peers: Readonly<Record<string, Peer>> = {
  skopeo: {
    programs: ["skopeo"],
    formats: [...imageTools, "tar"],
    why: "",
    takes(cell, format, location) {
      const from = format === "tar" ? location.replace(/^/, "tarball:") : location;
      const copy = ["skopeo", "--insecure-policy", "copy", "-q", "--src-tls-verify=false"];
      peer(cell.host, cell.user, ...copy, from, `oci:${cell.files}/taken:1`);
      return lookAt(cell, format === "tar" ? `oci:${cell.files}/taken:1` : location);
    },
    gives({ host, user, base, files }, format, location) {
      const copy = ["skopeo", "--insecure-policy", "copy", "-q", "--dest-tls-verify=false"];
      if (format !== "tar")
        return void peer(host, user, ...copy, `docker-archive:${base}`, location);
      // the file system of an image is what umoci and the like unpack; skopeo has layers alone
      peer(host, user, ...copy, `docker-archive:${base}`, `dir:${files}/dir`);
      const { layers } = JSON.parse(readFileSync(`${files}/dir/manifest.json`, "utf8")) as {
        layers: { digest: string }[];
      };
      const blob = `${files}/dir/${hex(layers[0]?.digest ?? "")}`;
      peer(
        host,
        user,
        "sh",
        "-c",
        'gzip -dc "$1" 2>/dev/null > "$2" || cp "$1" "$2"',
        "sh",
        blob,
        location,
      );
    },
  },
  podman: {
    programs: ["podman"],
    formats,
    why: "",
    takes(cell, format, absolute) {
      const location = inFiles(absolute);
      const podman = ["podman", ...store(cell, "podman")];
      const take =
        format === "tar"
          ? ["import", "-q", location]
          : ["pull", "-q", "--tls-verify=false", location];
      const id = hex(peer(cell.host, cell.user, ...podman, ...take));
      const inspect = ["image", "inspect", "-f", "{{json .RootFS.Layers}}", id];
      const layers = JSON.parse(peer(cell.host, cell.user, ...podman, ...inspect)) as string[];
      const run = ["run", "--rm", "--network", "none", id, "/bin/cat", "/layer-2"];
      if (cell.user === null) expect(peer(cell.host, cell.user, ...podman, ...run)).toBe("2");
      endPodman(cell.host);
      return { id, layers };
    },
    gives(cell, format, location) {
      const podman = ["podman", ...store(cell, "podman")];
      peer(cell.host, cell.user, ...podman, "load", "-q", "-i", cell.base);
      const text = [...podman, "create", "--network", "none", "--name", "c", name].join(" ");
      const exported = `${text} && ${podman.join(" ")} export -o ${location} c`;
      if (format === "tar") peer(cell.host, cell.user, "sh", "-c", exported);
      else
        peer(cell.host, cell.user, ...podman, "push", "-q", "--tls-verify=false", name, location);
      endPodman(cell.host);
    },
  },
  buildah: {
    programs: ["buildah"],
    formats: imageTools,
    why: "buildah has no import or export of file systems",
    takes(cell, _, absolute) {
      const location = inFiles(absolute);
      const buildah = ["buildah", ...store(cell, "buildah")];
      const id = hex(
        peer(cell.host, cell.user, ...buildah, "pull", "-q", "--tls-verify=false", location),
      );
      const format = "{{range .OCIv1.RootFS.DiffIDs}}{{.}} {{end}}";
      const inspect = ["inspect", "--type", "image", "-f", format, id];
      const layers = peer(cell.host, cell.user, ...buildah, ...inspect).split(" ");
      return { id, layers };
    },
    gives({ host, user, files, base }, _, location) {
      const buildah = [
        "buildah",
        "--root",
        `${files}/buildah`,
        "--runroot",
        `${files}/buildah-run`,
      ];
      peer(host, user, ...buildah, "pull", "-q", `docker-archive:${base}`);
      peer(host, user, ...buildah, "push", "-q", "--tls-verify=false", name, location);
    },
  },
  umoci: {
    programs: ["umoci", "skopeo"],
    formats: ["oci"],
    why: "umoci works on OCI directories alone",
    takes(cell, _, location) {
      const image = location.replace(/^oci:/, "");
      const rootless = cell.user === null ? [] : ["--rootless"];
      const bundle = `${cell.files}/bundle`;
      peer(cell.host, cell.user, "umoci", "unpack", ...rootless, "--image", image, bundle);
      expect(readFileSync(`${bundle}/rootfs/layer-2`, "utf8")).toBe("2");
      return lookAt(cell, location);
    },
    gives(cell, _, location) {
      const image = location.replace(/^oci:/, "");
      const copy = ["skopeo", "--insecure-policy", "copy", "-q"];
      peer(cell.host, cell.user, ...copy, `docker-archive:${cell.base}`, location);
      writeFileSync(`${cell.files}/more`, "umoci");
      if (cell.user !== null) chownSync(`${cell.files}/more`, cell.user.uid, cell.user.gid);
      const rootless = cell.user === null ? [] : ["--rootless"];
      peer(
        cell.host,
        cell.user,
        "umoci",
        "insert",
        ...rootless,
        "--image",
        image,
        `${cell.files}/more`,
        "/more",
      );
    },
  },
  docker: {
    programs: ["docker", "dockerd", "containerd"],
    formats: ["docker-archive", "registry", "tar"],
    why: "this Docker reads and writes its own archives alone",
    takes(cell, format, location) {
      const reference = location.replace(/^docker:\/\//, "");
      if (format === "docker-archive") docker(cell, "load", "-q", "-i", pathOf(location));
      if (format === "registry") docker(cell, "pull", "-q", reference);
      const id =
        format === "tar"
          ? docker(cell, "import", location)
          : format === "registry"
            ? reference
            : name;
      const shown = docker(cell, "image", "inspect", "-f", "{{.Id}} {{json .RootFS.Layers}}", id);
      const [digest = "", layers = "[]"] = shown.split(" ");
      return { id: hex(digest), layers: JSON.parse(layers) as string[] };
    },
    gives(cell, format, location) {
      docker(cell, "load", "-q", "-i", cell.base);
      const reference = location.replace(/^docker:\/\//, "");
      if (format === "docker-archive") docker(cell, "save", "-o", pathOf(location), name);
      if (format === "registry") {
        docker(cell, "tag", name, reference);
        docker(cell, "push", "-q", reference);
      }
      if (format !== "tar") return;
      const id = docker(cell, "create", name);
      docker(cell, "export", "-o", location, id);
      docker(cell, "rm", id);
    },
  },
};

const pathOf = (location: string) => location.split(":")[1] ?? "";

/** A Docker of our own, without a network, for as long as the tests run. */
let dockerPlace: string | undefined;
let daemon: Bun.Subprocess | undefined;
/** What it said at its end, where it does not run. */
let whyNoDaemon: string | undefined;
let registry: TestRegistry;
const hasDocker = process.getuid?.() === 0 && peers.docker?.programs.every(hasPeer) === true;

function docker({ host }: Cell, ...argv: string[]): string {
  return peer(host, null, "docker", "-H", `unix://${dockerPlace}/socket`, ...argv);
}

beforeAll(async () => {
  registry = await testRegistry();
  if (!hasDocker) return;
  dockerPlace = mkdtempSync("/tmp/cd-");
  const at = (part: string) => join(dockerPlace ?? "", part);
  const places = [
    "--data-root",
    at("root"),
    "--exec-root",
    at("exec"),
    "-p",
    at("pid"),
    "-H",
    `unix://${at("socket")}`,
  ];
  const without = [
    "--iptables=false",
    "--ip6tables=false",
    "--ip-forward=false",
    "--ip-masq=false",
    "--bridge=none",
  ];
  daemon = Bun.spawn(["unshare", "--mount", "--", "dockerd", ...places, ...without], {
    stdio: ["ignore", "ignore", Bun.file(at("log"))],
  });
  for (let tries = 0; tries < 300 && daemon.exitCode === null; tries++) {
    const answer = await fetch("http://docker/_ping", { unix: at("socket") }).catch(
      () => undefined,
    );
    if (answer?.ok) return;
    await Bun.sleep(100);
  }
  // some machines have no place for a daemon: no cgroups, or no mounts
  whyNoDaemon = readFileSync(at("log"), "utf8").trim().split("\n").at(-1) ?? "";
}, 60_000);

afterAll(async () => {
  daemon?.kill("SIGTERM");
  await daemon?.exited;
  if (dockerPlace !== undefined) rmSync(dockerPlace, { recursive: true, force: true });
  await registry[Symbol.asyncDispose]();
}, 60_000);

/** Whether the test goes without Docker; told with the reason. */
function lacksDaemon(peerName: string): boolean {
  if (peerName !== "docker" || whyNoDaemon === undefined) return false;
  console.warn(`skipped: dockerd does not run here: ${whyNoDaemon}`);
  return true;
}

let count = 0;

/** A new place of the format, spelled as skopeo, podman, buildah and cooper do. */
function locationOf(format: Format, files: string): string {
  if (format === "registry") return `docker://${registry.address}/matrix/box${++count}:1`;
  if (format === "tar") return `${files}/rootfs.tar`;
  const path = `${files}/exchanged`;
  return format === "dir" ? `dir:${path}` : `${format}:${path}:${format === "oci" ? "v1" : name}`;
}

async function openCell(host: TestHost, user: User | null): Promise<Cell> {
  const files = host.place("files");
  const base = join(files, "base.tar");
  writeFileSync(base, dockerArchive(name, 3));
  if (user !== null) chownSync(base, user.uid, user.gid);
  return { host, user, files, base };
}

/** Stores of podman and buildah have files of subordinate ids. */
async function closeCell({ host, files }: Cell): Promise<void> {
  const left = ["podman", "podman-run", "buildah", "buildah-run", "bundle"].map(
    (each) => `${files}/${each}`,
  );
  await host.must("unshare", "rm", "-rf", ...left.filter((path) => existsSync(path)));
}

async function ownIdentity(host: TestHost, image: string): Promise<Identity> {
  const shown = await host.must("image", "inspect", "-f", "{{.Id}} {{json .RootFS.Layers}}", image);
  const [id = "", layers = "[]"] = shown.split(" ");
  return { id: hex(id), layers: JSON.parse(layers) as string[] };
}

const cells = everybody.flatMap(({ user, who }) =>
  Object.entries(peers).flatMap(([peerName, each]) =>
    formats.map((format) => {
      const isPossible = each.formats.includes(format);
      const isThere =
        each.programs.every(hasPeer) && (peerName !== "docker" || (hasDocker && user === null));
      const reason = isPossible
        ? isThere
          ? ""
          : `since ${peerName} is not here`
        : `since ${each.why}`;
      return { user, who, peerName, format, each, reason, isPossible, isThere };
    }),
  ),
);

test.skipIf(!hasDocker)("docker-daemon: in both directions", async () => {
  if (lacksDaemon("docker")) return;
  await using host = await testHost();
  const cell = await openCell(host, null);
  await host.must("load", "-q", "-i", cell.base);
  const env = { DOCKER_HOST: `unix://${dockerPlace}/socket` };
  const cooper = async (...argv: string[]) => {
    // for the transport alone: else it would be the engine that is asked
    const result = await host.cooperWith({ env }, "--remote=false", ...argv);
    if (result.exitCode !== 0) throw new Error(result.stderr);
    return result.stdout.trim();
  };
  await cooper("push", "-q", name, "docker-daemon:daemon/box:7");
  const id = docker(cell, "image", "inspect", "-f", "{{.Id}}", "daemon/box:7");
  expect((await ownIdentity(host, name)).id).toBe(hex(id));
  await host.must("rmi", name);
  expect(await cooper("pull", "-q", "docker-daemon:daemon/box:7")).toBe(hex(id));
  expect(await host.must("run", "--rm", "docker.io/daemon/box:7", "cat", "/layer-2")).toBe("2");
});

describe("the exchange matrix", () => {
  const run = cells.filter(({ isPossible, isThere }) => isPossible && isThere);
  const missing = cells.filter(({ isPossible, isThere }) => !isPossible || !isThere);

  test.skip.each(missing)("$format with $peerName as $who, $reason", () => undefined);

  test.each(run)(
    "$peerName reads our $format, as $who",
    async ({ user, format, each, peerName }) => {
      if (lacksDaemon(peerName)) return;
      await using host = await testHost(user);
      const cell = await openCell(host, user);
      await host.must("load", "-q", "-i", cell.base);
      const location = locationOf(format, cell.files);
      if (format === "tar") {
        await host.must("create", "--name", "c", name);
        await host.must("export", "-o", location, "c");
      } else await host.must("push", "-q", name, location);
      const theirs = await each.takes(cell, format, location);
      const own = await ownIdentity(host, name);
      // a file system has lost its configuration, and is one layer
      expect(format === "tar" ? theirs.layers.length : theirs).toEqual(format === "tar" ? 1 : own);
      await closeCell(cell);
    },
  );

  test.each(run)(
    "we read the $format of $peerName, as $who",
    async ({ user, format, each, peerName }) => {
      if (lacksDaemon(peerName)) return;
      await using host = await testHost(user);
      const cell = await openCell(host, user);
      const location = locationOf(format, cell.files);
      await each.gives(cell, format, location);
      if (format === "tar") {
        await host.must("import", location, "localhost/imported");
        expect(await host.must("run", "--rm", "imported", "/bin/busybox", "echo", "runs")).toBe(
          "runs",
        );
      } else {
        const id = await host.must("pull", "-q", location);
        expect(await ownIdentity(host, id)).toEqual(lookAt(cell, location));
        expect(await host.must("run", "--rm", id, "cat", "/layer-2", "/layer-3")).toBe("23");
      }
      await closeCell(cell);
    },
  );
});
