/**
 * Archives made to exhaust: bombs, giants of holes, floods of entries, headers and indexes. Each comes to
 * an image or to one clear error, in bounded memory, and a refused one leaves nothing. COOPER_HOSTILE=all
 * takes a million entries where the default takes some ten thousands.
 */
import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { paxRecord, tarEnd, tarHeader, tarPadding } from "../../src/layer/tar-write.ts";
import { type TestHost, testHost, users } from "./host.ts";
import { dockerArchiveOf, ociLayout, type Part, tarOf } from "./images.ts";

const everybody = users.map((user) => ({ user, who: user?.name ?? "the caller" }));
const isRoot = process.getuid?.() === 0;
const many = process.env.COOPER_HOSTILE === "all" ? 1_000_000 : 20_000;
// the exact tar of so many can be rebuilt; the most that come are half again as many as are kept
const names = process.env.COOPER_HOSTILE === "all" ? 100_000 : 5000;
const name = "example.com/hostile:1";
const maxBytes = 300 * 2 ** 20;

interface Entry {
  readonly name: string;
  readonly type?: string;
  readonly mode?: number;
  readonly linkName?: string;
  readonly content?: Buffer;
  readonly pax?: Record<string, string>;
  readonly deviceMajor?: number;
}

function entryBytes({ name: path, type = "0", mode = 0o644, content, ...more }: Entry): Buffer {
  const size = content?.length ?? 0;
  return Buffer.concat([
    tarHeader({
      name: path,
      type,
      mode,
      size,
      ...more,
      ...(more.deviceMajor !== undefined && { deviceMinor: 1 }),
    }),
    content ?? Buffer.alloc(0),
    tarPadding(size),
  ]);
}

const tar = (entries: readonly Entry[]) => Buffer.concat([...entries.map(entryBytes), tarEnd()]);
const numbered = (count: number, entry: (index: number) => Entry) =>
  tar(Array.from({ length: count }, (_, index) => entry(index)));

/** What `tar` holds, compressed by somebody who wants harm: a block of zeros over and over. */
function bomb(compress: (bytes: Buffer) => Uint8Array, mebibytes: number): Buffer {
  const size = mebibytes * 2 ** 20;
  const block = compress(Buffer.alloc(16 << 20));
  const head = compress(tarHeader({ name: "zeros", type: "0", mode: 0o644, size }));
  return Buffer.concat([head, ...Array(mebibytes / 16).fill(block), compress(tarEnd())]);
}

/** An OCI layout with one layer of which only the compressed bytes are known. */
function layoutOf(blob: Buffer, diffId: string): Part[] {
  const sha256 = (bytes: Uint8Array | string) =>
    new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
  const blobs: Part[] = [];
  const add = (mediaType: string, bytes: Buffer) => {
    blobs.push({ path: `blobs/sha256/${sha256(bytes)}`, content: bytes });
    return { mediaType, digest: `sha256:${sha256(bytes)}`, size: bytes.length };
  };
  const type = "application/vnd.oci.image";
  const rootfs = { type: "layers", diff_ids: [diffId] };
  const config = JSON.stringify({ architecture: "amd64", os: "linux", config: {}, rootfs });
  const manifest = {
    schemaVersion: 2,
    mediaType: `${type}.manifest.v1+json`,
    config: add(`${type}.config.v1+json`, Buffer.from(config)),
    layers: [add(`${type}.layer.v1.tar+gzip`, blob)],
  };
  const descriptor = add(manifest.mediaType, Buffer.from(JSON.stringify(manifest)));
  return [
    ...blobs,
    { path: "oci-layout", content: '{"imageLayoutVersion":"1.0.0"}' },
    { path: "index.json", content: JSON.stringify({ schemaVersion: 2, manifests: [descriptor] }) },
  ];
}

const anyDiffId = `sha256:${"0".repeat(64)}`;

/** What a load came to, and the memory of all its processes together at its highest. */
async function load(host: TestHost, bytes: Uint8Array) {
  const archive = join(host.place("files"), "image.tar");
  writeFileSync(archive, bytes);
  const child = host.start({}, "load", "-q", "-i", archive);
  let peak = 0;
  const watch = setInterval(() => {
    peak = Math.max(peak, treeBytes(child.pid));
  }, 20);
  const [stdout, stderr] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  const exitCode = await child.exited;
  clearInterval(watch);
  expect(peak).toBeLessThan(maxBytes);
  return { exitCode, stdout, stderr };
}

/** Resident bytes of a process and its descendants. */
function treeBytes(root: number): number {
  const parents = new Map<number, number>();
  const sizes = new Map<number, number>();
  for (const entry of readdirSync("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, "latin1");
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      parents.set(Number(entry), Number(fields[1]));
      sizes.set(Number(entry), Number(fields[21]) * 4096);
    } catch {
      // it has ended
    }
  }
  const isOurs = (pid: number): boolean =>
    pid === root || (parents.has(pid) && isOurs(parents.get(pid) ?? 0));
  return [...sizes].reduce((sum, [pid, bytes]) => sum + (pid > 1 && isOurs(pid) ? bytes : 0), 0);
}

/** One clear error, and nothing of it in the store. */
async function refused(host: TestHost, result: Awaited<ReturnType<typeof load>>): Promise<void> {
  expect(result.exitCode).toBe(125);
  expect(result.stderr).toStartWith("Error: ");
  expect(result.stderr.trimEnd().split("\n").length).toBeLessThanOrEqual(2);
  expect(result.stderr).not.toContain("bug in Cooper");
  expect(await host.must("images", "-q")).toBe("");
  for (const part of ["layers", "staging"]) {
    const directory = join(host.root, part);
    expect(existsSync(directory) ? readdirSync(directory) : []).toEqual([]);
  }
}

const giant = (realsize: string) =>
  entryBytes({
    name: "GNUSparseFile.0/giant",
    content: Buffer.from("0\n".padEnd(512, "\0")),
    pax: {
      "GNU.sparse.major": "1",
      "GNU.sparse.minor": "0",
      "GNU.sparse.name": "giant",
      "GNU.sparse.realsize": realsize,
    },
  });

describe.each(everybody)("refused as $who", ({ user }) => {
  test.each<{ title: string; message: RegExp; make: () => Uint8Array }>([
    {
      title: "a file of holes larger than any disk",
      message: /with holes|too large/,
      make: () => dockerArchiveOf(name, [Buffer.concat([giant(`${2 ** 52}`), tarEnd()])]),
    },
    {
      title: "more hard links than a file can have",
      message: /EMLINK/,
      make: () =>
        dockerArchiveOf(name, [
          tar([
            { name: "f" },
            ...Array.from({ length: 66_000 }, (_, index) => ({
              name: `l${index}`,
              type: "1",
              linkName: "f",
            })),
          ]),
        ]),
    },
    {
      title: "an index of more images than there are",
      message: /more than 10000/,
      make: () => {
        const digest = anyDiffId;
        const manifests = Array(10_001).fill({
          mediaType: "application/vnd.oci.image.manifest.v1+json",
          digest,
          size: 1,
        });
        return tarOf([
          { path: "oci-layout", content: '{"imageLayoutVersion":"1.0.0"}' },
          { path: "index.json", content: JSON.stringify({ schemaVersion: 2, manifests }) },
        ]);
      },
    },
    {
      title: "an index as large as a layer",
      message: /larger than 4 MiB/,
      make: () =>
        tarOf([
          { path: "oci-layout", content: "{}" },
          { path: "index.json", content: Buffer.alloc(64 << 20, 0x20) },
        ]),
    },
    {
      title: "a name that hides itself in a whiteout of a parent",
      message: /invalid whiteout|leads out/,
      make: () =>
        dockerArchiveOf(name, [
          tar([{ name: "d/.wh..." }, { name: "d/.wh.." }, { name: "../.wh.x" }]),
        ]),
    },
    {
      title: "an owner that is no id",
      message: /impossible owner|invalid|not mapped/,
      make: () => dockerArchiveOf(name, [tar([{ name: "f", pax: { uid: "4294967295" } }])]),
    },
    {
      title: "a layer that is another one than its digest says",
      message: /not what the image's configuration names/,
      make: () => tarOf(layoutOf(gzipSync(tar([{ name: "f" }])), anyDiffId)),
    },
  ])("$title", async ({ message, make }) => {
    await using host = await testHost(user);
    const result = await load(host, make());
    await refused(host, result);
    expect(result.stderr).toMatch(message);
  });
});

describe.each(everybody)("taken as $who", ({ user }) => {
  test.each<{ title: string; make: () => Buffer; look: string; shows: string }>([
    {
      title: "a flood of entries",
      make: () => numbered(many, (index) => ({ name: `d${index % 100}/f${index}` })),
      look: "ls / | wc -l",
      shows: "1",
    },
    {
      title: "the same name over and over",
      make: () => numbered(names, (index) => ({ name: "f", content: Buffer.from(`${index}`) })),
      look: "cat /f",
      shows: `${names - 1}`,
    },
    {
      title: "names that differ by case alone",
      make: () =>
        tar([
          { name: "Read.Me", content: Buffer.from("1") },
          { name: "READ.ME", content: Buffer.from("2") },
        ]),
      look: "cat /Read.Me /READ.ME",
      shows: "12",
    },
    {
      title: "headers of a MiB, two hundred times",
      make: () =>
        Buffer.concat([
          ...Array.from({ length: 200 }, (_, index) => {
            const record = paxRecord("comment", "x".repeat((1 << 20) - 100));
            return Buffer.concat([
              tarHeader({ name: "pax", type: "x", mode: 0o644, size: record.length }),
              record,
              tarPadding(record.length),
              entryBytes({ name: `f${index}` }),
            ]);
          }),
          tarEnd(),
        ]),
      look: "ls / | grep -c ^f",
      shows: "200",
    },
    {
      title: "modes, devices and attributes that would be of use to an attacker",
      make: () =>
        tar([
          { name: "suid", mode: 0o6755, content: Buffer.from("x") },
          {
            name: "able",
            content: Buffer.from("x"),
            pax: {
              "SCHILY.xattr.security.capability": `\x01\0\0\x02\0\x20${"\0".repeat(14)}`,
              "SCHILY.xattr.user.mine": "1",
              "SCHILY.xattr.trusted.mine": "1",
            },
          },
          { name: "disk", type: "4", deviceMajor: 8 },
          {
            name: "redirected",
            type: "5",
            mode: 0o755,
            pax: { "SCHILY.xattr.trusted.overlay.redirect": "/etc" },
          },
          {
            name: "opaque",
            type: "5",
            mode: 0o755,
            pax: { "SCHILY.xattr.user.overlay.opaque": "y" },
          },
        ]),
      look: "stat -c %a /suid; head -c1 /disk 2>/dev/null; ls /redirected /opaque",
      shows: "6755",
    },
    {
      title: "a giant of holes that fits",
      make: () => Buffer.concat([giant(`${2 ** 40}`), tarEnd()]),
      look: "stat -c %s /giant",
      shows: `${2 ** 40}`,
    },
  ])("$title", async ({ make, look, shows }) => {
    await using host = await testHost(user);
    await host.must("pull", "-q", "hello");
    const result = await load(host, dockerArchiveOf(name, [make()]));
    expect(result.exitCode).toBe(0);
    expect((await host.cooper("system", "check", "--quick")).exitCode).toBe(0);
    // the built-in image lends its shell: the hostile one has none
    const mount = `type=image,source=${name},destination=/x`;
    const shown = await host.cooper(
      "run",
      "--rm",
      "--mount",
      mount,
      "hello",
      "sh",
      "-c",
      look.replaceAll(" /", " /x/"),
    );
    expect(shown.stdout.trim().split("\n")[0]).toContain(shows === "1" ? "" : shows);
  });
});

describe.each(everybody)("displaced entries as $who", ({ user }) => {
  const entry = (path: string, content = "", more: Partial<Entry> = {}): Entry => ({
    name: path,
    content: Buffer.from(content),
    ...more,
  });
  const layer = tar([
    entry("d/f", "first"),
    entry("h", "", { type: "1", linkName: "d/f" }),
    entry("d", "a file now"),
    entry("d", "and another, of another size"),
    entry(".wh.gone", "a whiteout with contents"),
    entry("d", "", { type: "5", mode: 0o755 }),
    entry("d/f", "x".repeat(100_000)),
    entry("d/f", "second"),
  ]);

  test("go out again as they came, are accounted for, and are missed when they are lost", async () => {
    await using host = await testHost(user);
    await host.must("pull", "-q", "hello");
    expect((await load(host, dockerArchiveOf(name, [layer]))).exitCode).toBe(0);
    const id = await host.must("images", "-q", "--no-trunc", name);
    expect((await host.cooper("system", "check")).exitCode).toBe(0);
    const mount = `type=image,source=${name},destination=/x`;
    const shown = ["run", "--rm", "--mount", mount, "hello", "cat", "/x/d/f", "/x/h"];
    expect(await host.must(...shown)).toBe("secondfirst");
    const saved = join(host.place("files"), "saved.tar");
    await host.must("save", "-o", saved, name);
    const [path] = JSON.parse(
      Bun.spawnSync(["tar", "-xOf", saved, "manifest.json"]).stdout.toString(),
    )[0].Layers as string[];
    expect(Bun.spawnSync(["tar", "-xOf", saved, path ?? ""]).stdout).toEqual(layer);

    const [directory] = readdirSync(join(host.root, "layers")).flatMap((one) => {
      const displaced = join(host.root, "layers", one, "displaced");
      return existsSync(displaced) ? [displaced] : [];
    });
    for (const file of readdirSync(directory ?? ""))
      rmSync(join(directory ?? "", file), { recursive: true });
    const check = await host.cooper("system", "check");
    expect(check.exitCode).toBe(1);
    expect(check.stdout + check.stderr).toContain("/d/f");
    await host.must("rmi", name);
    await host.must("load", "-q", "-i", saved);
    expect(await host.must("images", "-q", "--no-trunc", name)).toBe(id);
    expect((await host.cooper("system", "check")).exitCode).toBe(0);
  });
});

describe.skipIf(!isRoot)("bombs", () => {
  test.each([
    { kind: "gzip", compress: (bytes: Buffer) => gzipSync(bytes, { level: 9 }) },
    { kind: "zstd", compress: (bytes: Buffer) => Bun.zstdCompressSync(new Uint8Array(bytes)) },
  ])("a $kind bomb ends at the disk's size, and gives back what it took", async ({ compress }) => {
    await using host = await testHost();
    mkdirSync(host.root);
    Bun.spawnSync(["mount", "-t", "tmpfs", "-o", "size=256m", "tmpfs", host.root]);
    try {
      const result = await load(host, tarOf(layoutOf(bomb(compress, 9 * 1024), anyDiffId)));
      await refused(host, result);
      expect(result.stderr).toMatch(/more than there is space|bomb/);
      expect(Bun.spawnSync(["du", "-sm", host.root]).stdout.toString()).toMatch(/^[0-9]\t/);
    } finally {
      await host.cooper("rm", "-fa");
      Bun.spawnSync(["umount", "--lazy", host.root]);
    }
  });
});

test("an archive that is cut off anywhere is refused, whatever was cut", async () => {
  await using host = await testHost();
  const whole = tarOf(ociLayout(name, 2, { gzip: true }));
  const cuts = Array.from(
    { length: 12 },
    (_, index) => Math.floor((whole.length * index) / 12) + index * 37,
  );
  for (const cut of cuts) await refused(host, await load(host, whole.subarray(0, cut)));
});
