/** The store accounts for its space, keeps a limit, cleans up on a full disk, and finds and mends damage. */
import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statfsSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { fixtureRegistry } from "../fixtures/registry.ts";
import { type TestHost, testHost, users } from "./host.ts";
import { dockerArchive, dockerArchiveOf, tarOf } from "./images.ts";
import { SmallDisk } from "./small-disk.ts";

const everybody = users.map((user) => ({ user, who: user?.name ?? "the caller" }));
const isRoot = process.getuid?.() === 0;

async function load(host: TestHost, name: string, layers: number | Uint8Array[]): Promise<void> {
  const path = join(host.place("files"), "image.tar");
  const bytes =
    typeof layers === "number" ? dockerArchive(name, layers) : dockerArchiveOf(name, layers);
  writeFileSync(path, bytes);
  await host.must("load", "-q", "-i", path);
}

/** Bytes on the disk, as du(1) counts. */
function du(path: string): number {
  const result = Bun.spawnSync(["du", "-s", "-B1", path], { stdio: ["ignore", "pipe", "pipe"] });
  return Number(result.stdout.toString().split("\t")[0]);
}

const sum = (text: string) => text.split("\n").reduce((total, line) => total + Number(line), 0);

/** A layer of that many random bytes. */
const heavy = (path: string, bytes: number) =>
  tarOf(
    [{ path, content: crypto.getRandomValues(new Uint8Array(Math.min(bytes, 65536))) }].concat(
      Array.from({ length: Math.floor(bytes / 65536) }, (_, index) => ({
        path: `${path}-${index}`,
        content: crypto.getRandomValues(new Uint8Array(65536)),
      })),
    ),
  );

/** A layer that holds a file twice. */
const twice = (path: string, bytes: number) => {
  const [one, two] = [heavy(path, bytes), heavy(path, bytes)].map((layer) =>
    Buffer.from(layer).subarray(0, -1024),
  );
  const end = Buffer.alloc(1024);
  return Buffer.concat([one ?? end, two ?? end, end]);
};

describe.each(everybody)("system df as $who", ({ user }) => {
  test("explains what du finds, and knows what is shared", async () => {
    await using host = await testHost(user);
    await load(host, "example.com/a:1", 3);
    await load(host, "example.com/b:1", 2);
    // a file that another one displaced is kept for the sake of the exact tar
    await load(host, "example.com/c:1", [twice("big", 300_000)]);
    await host.must(
      "run",
      "--name",
      "c",
      "-v",
      "v:/data",
      "hello",
      "sh",
      "-c",
      "head -c 3000000 /dev/zero > /data/x; echo > /y",
    );
    if (user !== null)
      await host.must("run", "--name", "d", "--userns", "keep-id", "hello", "true");
    mkdirSync(join(host.root, "layers/left-by-a-kill"), { recursive: true });
    writeFileSync(join(host.root, "layers/left-by-a-kill/file"), "x".repeat(100_000));
    const raw = sum(await host.must("system", "df", "--format", "{{.RawSize}}"));
    const found = du(host.root);
    expect(raw / found).toBeGreaterThan(0.99);
    expect(raw / found).toBeLessThan(1.01);
    const [a] = JSON.parse(await host.must("system", "df", "-v", "--format", "json")).Images.filter(
      ({ Repository }: { Repository: string }) => Repository === "example.com/a",
    );
    expect(a.RawSharedSize).toBeGreaterThan(0);
    expect(a.RawUniqueSize).toBeGreaterThan(0);
    expect(a.RawSharedSize + a.RawUniqueSize).toBe(a.RawSize);
    const types = await host.must(
      "system",
      "df",
      "--format",
      "{{.Type}}:{{.TotalCount}}:{{.Active}}",
    );
    const lines = types.split("\n");
    expect(lines[0]).toBe("Images:4:1");
    expect(lines[2]).toBe("Local Volumes:1:1");
    expect(lines[3]).toBe("Build Cache:0:0");
    expect(await host.must("system", "df", "-v")).toContain("Build cache usage: 0B");
    await host.must("rm", "--all");
  });

  test("prune tells honestly what it freed", async () => {
    await using host = await testHost(user);
    await load(host, "example.com/a:1", [heavy("a", 3 << 20)]);
    await host.must(
      "run",
      "--name",
      "c",
      "-v",
      "/data",
      "hello",
      "sh",
      "-c",
      "head -c 3000000 /dev/zero > /y; cp /y /data",
    );
    await host.must("run", "-d", "--name", "running", "-l", "keep=yes", "hello", "sleep", "100");
    await host.must("network", "create", "unused");
    await host.must("network", "create", "used");
    await host.must("create", "--name", "made", "--network", "used", "hello", "true");
    const before = du(host.root);
    const report = await host.must("system", "prune", "--all", "--volumes", "--force");
    expect(report).toContain("Deleted Containers:");
    expect(report).toContain("untagged: example.com/a:1");
    expect(report).toContain("Deleted Volumes:");
    expect(/Deleted Networks:\n(.*?)\n\n/s.exec(report)?.[1]?.split("\n").sort()).toEqual([
      "unused",
      "used",
    ]);
    const told = Number(/Total reclaimed space: ([\d.]+)MB/.exec(report)?.[1]) * 1e6;
    const freed = before - du(host.root);
    expect(Math.abs(told - freed) / freed).toBeLessThan(0.03);
    expect(await host.must("ps", "-a", "--format", "{{.Names}}")).toBe("running");
    expect(await host.must("images", "--format", "{{.Repository}}")).toBe("localhost/hello");
  });

  test("prune keeps what filters spare", async () => {
    await using host = await testHost(user);
    for (const name of ["old", "kept"])
      await host.must("create", "--name", name, "-l", `is=${name}`, "hello");
    await host.must("system", "prune", "-f", "--filter", "label=is=old");
    expect(await host.must("ps", "-a", "--format", "{{.Names}}")).toBe("kept");
    await host.must("system", "prune", "-f", "--filter", "until=1h");
    expect(await host.must("ps", "-a", "--format", "{{.Names}}")).toBe("kept");
    const refused = await host.cooper("system", "prune", "-f", "--filter", "colour=red");
    expect(refused.stderr).toContain('unknown filter "colour=red"');
    const asked = await host.cooperWith({ stdin: "n\n" }, "system", "prune");
    expect(asked.stderr).toContain("all containers that do not run");
    await host.must("system", "prune", "-f", "--filter", "label!=is=old");
    expect(await host.must("ps", "-a", "-q")).toBe("");
  });

  test("a limit is kept by removing what was not used for longest", async () => {
    await using host = await testHost(user);
    const conf = join(host.place("files"), "containers.conf");
    writeFileSync(conf, '[storage]\nmax_size = "8m"\n');
    const env = { CONTAINERS_CONF: conf };
    for (const name of ["a", "b", "c", "d"]) {
      const path = join(host.place("files"), `${name}.tar`);
      writeFileSync(path, dockerArchiveOf(`example.com/${name}:1`, [heavy(name, 3 << 20)]));
      const loaded = await host.cooperWith({ env }, "load", "-i", path);
      expect(loaded.exitCode).toBe(0);
      if (name === "b") await host.must("rm", await host.must("create", "example.com/a:1", "x"));
      if (name === "c") expect(loaded.stderr).toContain("removed the image example.com/b:1");
    }
    const names = await host.must("images", "--format", "{{.Repository}}");
    expect(names.split("\n").sort()).toEqual(["example.com/c", "example.com/d"]);
    await host.must("create", "--name", "user", "example.com/c:1", "x");
    const path = join(host.place("files"), "big.tar");
    writeFileSync(path, dockerArchiveOf("example.com/big:1", [heavy("big", 7 << 20)]));
    const over = await host.cooperWith({ env }, "load", "-i", path);
    expect(over.stderr).toContain("nothing unused is left to remove");
    expect(await host.must("images", "-q", "example.com/c")).not.toBe("");
  });
});

describe.each(everybody)("system check as $who", ({ user }) => {
  /** The layer that holds /layer-2, of an image of three. */
  async function withImage(host: TestHost): Promise<string> {
    await load(host, "example.com/a:1", 3);
    const layers = join(host.root, "layers");
    const id = readdirSync(layers).find((each) => existsSync(join(layers, each, "diff/layer-2")));
    return join(layers, id ?? "");
  }

  test.each<{ damage: string; quick: boolean; act: (layer: string) => void }>([
    {
      damage: "has other contents",
      quick: false,
      act(layer) {
        const file = join(layer, "diff/layer-2");
        const { mtimeMs } = statSync(file);
        writeFileSync(file, "X");
        utimesSync(file, mtimeMs / 1000, mtimeMs / 1000);
      },
    },
    { damage: "gone", quick: true, act: (layer) => rmSync(layer, { recursive: true }) },
  ])("finds what $damage, and names the image", async ({ damage, quick, act }) => {
    await using host = await testHost(user);
    const layer = await withImage(host);
    expect(await host.cooper("system", "check")).toMatchObject({ exitCode: 0, stdout: "" });
    act(layer);
    for (const options of [[], ["--quick"]]) {
      const found = await host.cooper("system", "check", ...options);
      const isFound = quick || options.length === 0;
      expect(found.exitCode).toBe(isFound ? 1 : 0);
      if (!isFound) continue;
      expect(found.stdout).toContain("Damaged: layer ");
      expect(found.stdout).toContain("of example.com/a:1: ");
      expect(found.stdout).toContain(damage);
      expect(found.stdout).toContain("system check --repair");
    }
    const repair = await host.cooper("system", "check", "--repair");
    expect(repair.exitCode).toBe(1);
    expect(repair.stdout).toContain(
      "Hint: remove example.com/a:1 and load, pull or build it again",
    );
    expect((await host.cooper("system", "check", "--repair", "--force")).exitCode).toBe(0);
    expect(await host.must("images", "-q")).toBe("");
  });

  test("mends the built-in image, also under a container that does not run", async () => {
    await using host = await testHost(user);
    await host.must("create", "--name", "c", "hello", "cat", "/etc/group");
    const layers = join(host.root, "layers");
    const [id = ""] = readdirSync(layers);
    rmSync(join(layers, id, "diff/etc/group"));
    const repaired = await host.cooper("system", "check", "-r");
    expect(repaired).toMatchObject({ exitCode: 0 });
    expect(repaired.stdout).toContain("fetched again from the program itself");
    expect(await host.must("start", "-a", "c")).toContain("root:x:0:");
    await host.must("run", "-d", "--name", "running", "hello", "sleep", "100");
    rmSync(join(layers, id, "diff/etc/group"));
    expect((await host.cooper("system", "check", "-r")).stdout).toContain("cooper stop running");
  });

  test("fetches only the damaged layer from its registry", async () => {
    await using host = await testHost(user);
    using registry = await fixtureRegistry();
    const name = `${registry.host}/box:1`;
    await load(host, name, 3);
    await host.must("push", "-q", name);
    await host.must("rmi", name);
    await host.must("pull", "-q", name);
    const id = await host.must("images", "-q", "--no-trunc");
    const layers = join(host.root, "layers");
    const damaged = readdirSync(layers).find((each) =>
      existsSync(join(layers, each, "diff/layer-2")),
    );
    writeFileSync(join(layers, damaged ?? "", "diff/layer-2"), "X");
    registry.asked.length = 0;
    const repaired = await host.cooper("system", "check", "--repair");
    expect(repaired.exitCode).toBe(0);
    expect(repaired.stdout).toContain(`fetched again from ${registry.host}/box`);
    const blobs = registry.asked.filter(
      (line) => line.startsWith("GET ") && line.includes("/blobs/"),
    );
    expect(blobs.length).toBe(1);
    expect(await host.must("images", "-q", "--no-trunc")).toBe(id);
    expect(await host.must("run", "--rm", name, "cat", "/layer-2")).toBe("2");
    expect((await host.cooper("system", "check")).exitCode).toBe(0);
  });
});

describe.each(everybody)("system check of records as $who", ({ user }) => {
  const damage = (host: TestHost, statement: string) => {
    const database = new Database(join(host.root, "cooper.db"));
    database.run(statement);
    database.close();
  };

  test.each([
    {
      title: "a configuration",
      statement: "update image set config = replace(config, 'amd64', 'amd63')",
      found: "the configuration of",
      asks: "/blobs/",
    },
    {
      title: "a manifest",
      statement: "update manifest set text = replace(text, 'schemaVersion', 'schemaVersiom')",
      found: "is damaged",
      asks: "/manifests/",
    },
    {
      title: "a manifest that is gone",
      statement: "delete from manifest",
      found: "is missing",
      asks: "/manifests/",
    },
  ])("$title is had again, and nothing else", async ({ statement, found, asks }) => {
    await using host = await testHost(user);
    using registry = await fixtureRegistry();
    const name = `${registry.host}/box:1`;
    await load(host, name, 2);
    await host.must("push", "-q", name);
    await host.must("rmi", name);
    await host.must("pull", "-q", name);
    const shown = await host.must("inspect", name);
    damage(host, statement);
    const check = await host.cooper("system", "check", "--quick");
    expect(check.exitCode).toBe(1);
    expect(check.stdout).toContain(found);
    registry.asked.length = 0;
    const repaired = await host.cooper("system", "check", "--repair");
    expect(repaired.stdout).toContain(`had again from ${registry.host}/box`);
    expect(repaired.exitCode).toBe(0);
    const gets = registry.asked.filter((line) => line.startsWith("GET ") && !/\/v2\/$/.test(line));
    expect(gets).toHaveLength(1);
    expect(gets[0]).toContain(asks);
    expect(await host.must("inspect", name)).toBe(shown);
    expect((await host.cooper("system", "check")).exitCode).toBe(0);
  });

  test("what was made here is mended without anybody, or says what to do", async () => {
    await using host = await testHost(user);
    await host.must("pull", "-q", "hello");
    damage(host, "update image set config = replace(config, 'amd64', 'amd63')");
    damage(host, "delete from manifest");
    const repaired = await host.cooper("system", "check", "--repair");
    expect(repaired.stdout).toContain("had again from the program itself");
    expect(repaired.stdout).toContain("had again from its layers");
    expect(repaired.exitCode).toBe(0);
    await load(host, "localhost/a:1", 1);
    damage(host, "update image set config = replace(config, 'layer 1', 'layer 7')");
    const lost = await host.cooper("system", "check", "--repair");
    expect(lost.exitCode).toBe(1);
    expect(lost.stdout).toContain("no registry is known that has it");
    expect(lost.stdout).toContain("Hint: remove localhost/a:1 and load, pull or build it again");
    expect((await host.cooper("system", "check", "--repair", "--force")).exitCode).toBe(0);
    expect(await host.must("images", "--format", "{{.Repository}}")).toBe("localhost/hello");
  });
});

describe.each(everybody)("system reset as $who", ({ user }) => {
  test("says what it would remove, asks, and leaves nothing", async () => {
    await using host = await testHost(user);
    await host.must("run", "-d", "--name", "web", "-v", "data:/data", "hello", "sleep", "100");
    const asked = await host.cooperWith({ stdin: "n\n" }, "system", "reset");
    expect(asked.stderr).toContain("1 container: web");
    expect(asked.stderr).toContain("1 image: localhost/hello:latest");
    expect(asked.stderr).toContain("1 volume: data");
    expect(await host.must("ps", "-q")).not.toBe("");
    expect((await host.cooper("system", "reset", "--force")).exitCode).toBe(0);
    expect(readdirSync(host.root)).toEqual([]);
    expect(await host.must("images", "-q")).toBe("");
    expect(await host.must("run", "--rm", "hello", "echo", "anew")).toBe("anew");
  });
});

describe.skipIf(!isRoot)("without a free byte", () => {
  const kinds = ["tmpfs", "ext4"] as const;
  const acts: { act: string; argv: string[][]; leaves: string[] }[] = [
    { act: "rm", argv: [["rm", "-f", "c"]], leaves: ["example.com/a", "localhost/hello"] },
    { act: "rmi", argv: [["rmi", "example.com/a:1"]], leaves: ["localhost/hello"] },
    { act: "image prune", argv: [["image", "prune", "-a", "-f"]], leaves: ["localhost/hello"] },
    {
      act: "system prune",
      argv: [
        ["rm", "-f", "running"],
        ["system", "prune", "-a", "-f", "--volumes"],
      ],
      leaves: [],
    },
    {
      act: "volume rm",
      argv: [
        ["rm", "-f", "-a"],
        ["volume", "rm", "v"],
      ],
      leaves: ["example.com/a", "localhost/hello"],
    },
  ];

  const rows = kinds.flatMap((kind) => acts.map((each) => ({ kind, ...each })));
  // the kinds differ in what a directory and the journal need; what is removed matters on one of them
  test.each(rows.filter(({ kind, act }) => kind === "tmpfs" || act.startsWith("system")))(
    "$act works on a full $kind",
    async ({ kind, argv, leaves }) => {
      await using host = await testHost();
      using disk = new SmallDisk(host, kind);
      await load(host, "example.com/a:1", [heavy("a", 4 << 20)]);
      await host.must(
        "run",
        "--name",
        "c",
        "-v",
        "v:/data",
        "hello",
        "sh",
        "-c",
        "head -c 2000000 /dev/zero > /y",
      );
      await host.must("run", "-d", "--name", "running", "hello", "sleep", "100");
      disk.fill();
      expect(statfsSync(host.root).bavail).toBe(0);
      for (const words of argv) expect((await host.cooper(...words)).stderr).not.toContain("Error");
      expect(statfsSync(host.root).bavail).toBeGreaterThan(100);
      const names = await host.must("images", "--format", "{{.Repository}}");
      expect(
        names
          .split("\n")
          .filter((name) => name !== "")
          .sort(),
      ).toEqual(leaves);
      // and it works a second time
      disk.fill();
      expect((await host.cooper("system", "prune", "-a", "-f")).stderr).not.toContain("Error");
      await host.cooper("rm", "-f", "-a");
      await host.must("system", "prune", "-a", "-f", "--volumes");
      disk.free();
    },
  );

  test("a load that does not fit leaves nothing and says why", async () => {
    await using host = await testHost();
    using disk = new SmallDisk(host, "tmpfs");
    await host.must("images");
    const path = join(host.place("files"), "image.tar");
    writeFileSync(path, dockerArchiveOf("example.com/a:1", [heavy("a", 4 << 20)]));
    disk.fill();
    const failed = await host.cooper("load", "-i", path);
    expect(failed.exitCode).toBe(125);
    expect(failed.stderr).toMatch(/space/);
    disk.free();
    await host.must("load", "-i", path);
    expect(await host.must("images", "-q")).not.toBe("");
  });
});
