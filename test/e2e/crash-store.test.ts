/**
 * What changes images is killed, or finds the disk full, at every kind of call: what comes next sees the
 * truth, what was there verifies, and nothing is left. A few points by default, and all of the several
 * hundred with COOPER_CRASH_POINTS=all.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { type FixtureRegistry, fixtureRegistry } from "../fixtures/registry.ts";
import { type TestHost, testHost } from "./host.ts";
import { dockerArchive } from "./images.ts";
import { SmallDisk } from "./small-disk.ts";
import { chosenOf, type Point, points, strike, strikesAll, tally, upTo } from "./strike-points.ts";

const name = "example.com/crash:1";

const all: readonly Point[] = [
  ...points("kill", [
    ["pwrite64", upTo(40, 3)],
    ["openat", upTo(60, 5)],
    ["mkdir,mkdirat", upTo(8)],
    ["rename,renameat,renameat2,linkat", upTo(6)],
    ["unlink,unlinkat,rmdir", upTo(8)],
    ["flock", upTo(8)],
    ["fsync,syncfs,fdatasync", upTo(4)],
    ["write", upTo(9, 2)],
    ["vfork,clone3", upTo(4)],
  ]),
  ...points("full", [
    ["pwrite64", [1, 4, 9, 20]],
    ["mkdir,mkdirat", [1, 3]],
    ["write", [1, 3]],
    ["ftruncate,fallocate", [1, 2]],
    ["openat", [20, 40]],
  ]),
];

const chosen = chosenOf(all, 13, 5);
// write(2) goes to the registry too, and no connection is ever full like a disk
const chosenOfRegistry = chosen.filter(({ call, fault }) => fault === "kill" || call !== "write");

interface Act {
  readonly act: string;
  readonly argv: (host: TestHost) => string[];
  /** What must be there before. */
  readonly prepare: (host: TestHost) => Promise<void>;
  /** Does it once more, without harm, and looks at what came of it. */
  readonly redo: (host: TestHost) => Promise<void>;
}

const file = (host: TestHost, of: string) => join(host.place("files"), of);
const load = async (host: TestHost) => {
  await host.must("load", "-q", "-i", file(host, "in.tar"));
};
const gone = async (host: TestHost) => {
  const found = await host.cooper("image", "exists", name);
  if (found.exitCode === 0) await host.must("rmi", "-f", name);
};

const acts: readonly Act[] = [
  {
    act: "load",
    argv: (host) => ["load", "-i", file(host, "in.tar")],
    prepare: gone,
    async redo(host) {
      await load(host);
      expect(await host.must("images", "-q", name)).toMatch(/^[0-9a-f]{12}$/);
    },
  },
  {
    act: "commit",
    argv: () => ["commit", "c", name],
    prepare: gone,
    async redo(host) {
      await host.must("commit", "c", name);
      expect(await host.must("diff", name)).toContain("A /made");
    },
  },
  { act: "rmi", argv: () => ["rmi", name], prepare: load, redo: gone },
  {
    act: "image prune",
    argv: () => ["image", "prune", "--all", "--force"],
    prepare: load,
    async redo(host) {
      await host.must("image", "prune", "--all", "--force");
      expect(await host.must("images", "--format", "{{.Repository}}")).toBe("localhost/hello");
    },
  },
  {
    act: "save",
    argv: (host) => ["save", "--format", "oci-archive", "-o", file(host, "out.tar"), name],
    async prepare(host) {
      await load(host);
      rmSync(file(host, "out.tar"), { force: true });
      await host.must("save", "--format", "oci-archive", "-o", file(host, "whole.tar"), name);
    },
    async redo(host) {
      const whole = readFileSync(file(host, "whole.tar"));
      const out = file(host, "out.tar");
      if (existsSync(out)) expect(readFileSync(out).equals(whole)).toBe(true); // all of it, or nothing
      await host.must("save", "--format", "oci-archive", "-o", out, name);
      expect(readFileSync(out).equals(whole)).toBe(true);
      expect(readdirSync(host.place("files")).sort()).toEqual(["in.tar", "out.tar", "whole.tar"]);
    },
  },
  {
    act: "push",
    argv: (host) => ["push", name, pushed(host)],
    prepare: load,
    async redo(host) {
      // a registry has the manifest only when it has all that it names
      const [repository = "", tag = ""] = pushed(host)
        .replace(/^[^/]*\//, "")
        .split(":");
      const there = registry.manifests.get(`${repository}:${tag}`);
      if (there !== undefined) expectWhole(there.bytes);
      await host.must("push", "-q", name, pushed(host));
      expectWhole(registry.manifests.get(`${repository}:${tag}`)?.bytes ?? Buffer.from("{}"));
      const id = await host.must("images", "-q", "--no-trunc", name);
      await host.must("rmi", "-f", id);
      await host.must("pull", "-q", pushed(host));
      expect(await host.must("images", "-q", "--no-trunc", pushed(host))).toBe(id);
    },
  },
  {
    act: "pull",
    argv: (host) => ["pull", pushed(host)],
    async prepare(host) {
      await load(host);
      await host.must("push", "-q", name, pushed(host));
      await host.must("rmi", "-f", name);
    },
    async redo(host) {
      await host.must("pull", "-q", pushed(host));
      expect(await host.must("images", "-q", pushed(host))).toMatch(/^[0-9a-f]{12}$/);
    },
  },
  ...(["docker-archive", "oci-archive", "oci", "dir"] as const).map(
    (transport): Act => ({
      act: `push to ${transport}:`,
      argv: (host) => ["push", name, `${transport}:${file(host, "out")}`],
      async prepare(host) {
        await load(host);
        rmSync(file(host, "out"), { recursive: true, force: true });
      },
      async redo(host) {
        const place = `${transport}:${file(host, "out")}`;
        const id = await host.must("images", "-q", "--no-trunc", name);
        let count = 0;
        for (const again of [false, true]) {
          if (again) {
            // what docker-archive has is not written over, by no peer either
            if (transport === "docker-archive") rmSync(file(host, "out"), { force: true });
            await host.must("push", "-q", name, place);
          }
          // a directory is an image with the file that is written last, an archive is whole or not there
          const last = { oci: "out/index.json", dir: "out/manifest.json" };
          const whole = transport === "oci" || transport === "dir" ? last[transport] : "out";
          if (!existsSync(file(host, whole))) continue;
          await host.must("rmi", "-f", id);
          await host.must("pull", "-q", place);
          await host.must("tag", id, name);
          count++;
        }
        expect(count).toBeGreaterThan(0);
        expect(readdirSync(host.place("files")).sort()).toEqual(["in.tar", "out"]);
      },
    }),
  ),
];

let registry: FixtureRegistry;
beforeAll(async () => {
  registry = await fixtureRegistry();
});
afterAll(() => registry[Symbol.dispose]());

const pushed = (host: TestHost) =>
  `${registry.host}/crash/${basename(host.directory).toLowerCase()}:1`;

function expectWhole(manifest: Buffer): void {
  const { config, layers } = JSON.parse(manifest.toString()) as Record<string, unknown> & {
    config: { digest: string };
    layers: { digest: string }[];
  };
  for (const { digest } of [config, ...layers]) expect(registry.blobs.has(digest)).toBe(true);
}

/** A store with the container c, before what is struck. */
async function begin(host: TestHost, { prepare }: Act): Promise<void> {
  writeFileSync(file(host, "in.tar"), dockerArchive(name, 3));
  await host.must("run", "--name", "c", "hello", "sh", "-c", "echo made > /made; rm /bin/ls");
  await prepare(host);
}

/** Right after it: what there was is told, and verifies. */
async function expectTruth(host: TestHost): Promise<void> {
  const listed = await host.cooper("images", "--format", "{{.Repository}}");
  expect(listed).toMatchObject({ exitCode: 0, stderr: "" });
  expect(listed.stdout.split("\n")).toContain("localhost/hello");
  expect(await host.cooper("system", "check")).toMatchObject({ exitCode: 0 });
}

/** After doing it once more: all verifies, and nothing is left. */
async function expectNothingLeft(host: TestHost): Promise<void> {
  expect(await host.cooper("system", "check")).toMatchObject({ exitCode: 0, stdout: "" });
  await host.must("image", "prune", "--force"); // sweeps
  expect(readdirSync(join(host.root, "staging"))).toEqual([]);
  const layers = new Set(
    (await host.must("image", "inspect", "-f", "{{json .RootFS.Layers}}", ...(await ids(host))))
      .split("\n")
      .flatMap((line) => JSON.parse(line) as string[])
      .map((digest) => digest.replace("sha256:", "")),
  );
  expect(readdirSync(join(host.root, "layers")).sort()).toEqual([...layers].sort());
}

describe.each(acts)("$act", (act) => {
  const takesAny = !["push", "pull"].includes(act.act);
  test.each(takesAny ? chosen : chosenOfRegistry)("$fault at $call $nth", async (point) => {
    await using host = await testHost();
    await begin(host, act);
    await strike(host, point, act.argv(host));
    await expectTruth(host);
    await act.redo(host);
    await expectNothingLeft(host);
  });
});

const leftBytes = strikesAll()
  ? [0, 8, 16, 32, 64, 128, 256, 512, 1024, 2048].map((kilobytes) => kilobytes << 10)
  : [64 << 10];
const smallDisks = (["ext4", "tmpfs"] as const).flatMap((kind) =>
  leftBytes.map((left) => ({ kind, left })),
);

describe.skipIf(process.getuid?.() !== 0).each(acts)("$act, on a disk with little space", (act) => {
  test.each(strikesAll() || act.act === "pull" ? smallDisks : [])(
    "$kind with $left bytes left",
    async ({ kind, left }) => {
      await using host = await testHost();
      using disk = new SmallDisk(host, kind);
      await begin(host, act);
      disk.fill(left);
      const { exitCode, stderr } = await host.cooper(...act.argv(host));
      if (exitCode !== 0) tally(`space ${act.argv(host)[0]} ${kind} ${left}`);
      if (exitCode !== 0) expect(stderr).toMatch(/^Error: .*(no space left|space)/m);
      await expectTruth(host);
      disk.free();
      await act.redo(host);
      await expectNothingLeft(host);
    },
  );
});

async function ids(host: TestHost): Promise<string[]> {
  return (await host.must("images", "-a", "-q", "--no-trunc")).split("\n");
}
