import { Database } from "bun:sqlite";
import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { OpenDirectory } from "../../system/tree-read.ts";
import { cycloneDxDocument, spdxDocument } from "./documents.ts";
import { findPackages } from "./find.ts";
import { type FoundPackage, purlOf } from "./package.ts";
import { apkPackages, debPackages, distributionOf, npmPackage, pythonPackage } from "./records.ts";
import { rpmPackages } from "./rpm.ts";

const directory = mkdtempSync("/tmp/sbom-");
afterAll(() => rmSync(directory, { recursive: true }));

const briefly = (found: readonly FoundPackage[]) =>
  found.map(({ name, version, architecture, license }) =>
    [name, version, architecture, license].join(" "),
  );

test.each([
  {
    name: "a dpkg status, without what was removed",
    read: debPackages,
    text: "Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2.36-9\nDescription: GNU\n Name: not a field\n\nPackage: gone\nStatus: deinstall ok config-files\nVersion: 1\n",
    found: ["libc6 2.36-9 amd64 "],
  },
  {
    name: "a paragraph of distroless, which has no status",
    read: debPackages,
    text: "Package: tzdata\nVersion: 2024a\nArchitecture: all",
    found: ["tzdata 2024a all "],
  },
  {
    name: "apk's database",
    read: apkPackages,
    text: "C:Q1abc=\nP:musl\nV:1.2.5-r0\nA:x86_64\nL:MIT\nF:lib\nR:ld.so\n\nP:half\n",
    found: ["musl 1.2.5-r0 x86_64 MIT"],
  },
  {
    name: "a module of npm",
    read: npmPackage,
    text: '{"name":"@scope/a","version":"1.0.0","license":"ISC"}',
    found: ["@scope/a 1.0.0  ISC"],
  },
  {
    name: "a package.json of something else",
    read: npmPackage,
    text: '{"type":"module"}',
    found: [],
  },
  { name: "no JSON", read: npmPackage, text: "{", found: [] },
  { name: "JSON that is no record", read: npmPackage, text: "null", found: [] },
  {
    name: "a name with something hidden in it",
    read: npmPackage,
    text: '{"name":"a b\\n","version":"1"}',
    found: [],
  },
  {
    name: "a Python distribution, whose body is no header",
    read: pythonPackage,
    text: "Metadata-Version: 2.1\r\nName: Foo_Bar\r\nVersion: 2.0\r\nLicense: MIT\r\n\r\nVersion: 9\r\n",
    found: ["Foo_Bar 2.0  MIT"],
  },
  { name: "an empty file", read: pythonPackage, text: "", found: [] },
])("$name", ({ read, text, found }) => {
  expect(briefly(read(text, "x"))).toEqual([...found]);
});

/** A header as rpm writes it: strings and numbers by tag. */
function rpmHeader(values: readonly (readonly [tag: number, value: string | number])[]): Buffer {
  const data: Buffer[] = [];
  const entries = values.map(([tag, value]) => {
    const entry = Buffer.alloc(16);
    entry.writeUInt32BE(tag);
    entry.writeUInt32BE(typeof value === "number" ? 4 : 6, 4);
    entry.writeUInt32BE(Buffer.concat(data).length, 8);
    entry.writeUInt32BE(1, 12);
    const bytes = typeof value === "number" ? Buffer.alloc(4) : Buffer.from(`${value}\0`);
    if (typeof value === "number") bytes.writeUInt32BE(value);
    data.push(bytes);
    return entry;
  });
  const counts = Buffer.alloc(8);
  counts.writeUInt32BE(values.length);
  counts.writeUInt32BE(Buffer.concat(data).length, 4);
  return Buffer.concat([counts, ...entries, ...data]);
}

function rpmDatabase(...blobs: readonly Uint8Array[]): Uint8Array {
  using database = new Database(":memory:");
  database.run("create table Packages (hnum integer primary key, blob blob not null)");
  for (const blob of blobs) database.run("insert into Packages (blob) values (?)", [blob]);
  return database.serialize();
}

const bash = rpmHeader([
  [1000, "bash"],
  [1001, "5.2"],
  [1002, "3.el9"],
  [1003, 1],
  [1014, "GPL-3.0-or-later"],
  [1022, "x86_64"],
]);

test("the database of rpm, with entries that are cut off or no packages", () => {
  const key = rpmHeader([
    [1000, "gpg-pubkey"],
    [1001, "1"],
  ]);
  const bytes = rpmDatabase(
    bash,
    key,
    bash.subarray(0, 30),
    Buffer.alloc(3),
    Buffer.alloc(64, 255),
  );
  expect(briefly(rpmPackages(bytes, "x"))).toEqual(["bash 1:5.2-3.el9 x86_64 GPL-3.0-or-later"]);
});

test("what only pretends to be a database of rpm holds nothing", () => {
  expect(rpmPackages(Buffer.from("SQLite format 3\0 and no more"), "x")).toEqual([]);
  using database = new Database(":memory:");
  database.run(
    "create view Packages as with recursive n(x) as (select 1 union all select x + 1 from n) select x as blob from n",
  );
  expect(rpmPackages(database.serialize(), "x")).toEqual([]);
});

test.each([
  {
    kind: "deb",
    name: "libstdc++6",
    version: "1:12.2+x",
    url: "pkg:deb/debian/libstdc%2B%2B6@1:12.2%2Bx?arch=amd64&distro=debian-12",
  },
  { kind: "npm", name: "@scope/a", version: "1.0.0", url: "pkg:npm/%40scope/a@1.0.0" },
  { kind: "pypi", name: "Foo_Bar", version: "2.0", url: "pkg:pypi/foo-bar@2.0" },
] as const)("purlOf() of $name", ({ url, ...named }) => {
  const found = { ...named, architecture: "amd64", license: null, place: "x" };
  expect(purlOf(found, { id: "debian", version: "12" })).toBe(url);
});

test("distributionOf()", () => {
  expect(distributionOf('NAME="X"\nID=alpine\nVERSION_ID="3.20"\n')).toEqual({
    id: "alpine",
    version: "3.20",
  });
  expect(distributionOf("NAME=x\n")).toBeNull();
});

function tree(name: string, files: Readonly<Record<string, string | Uint8Array>>): string {
  const root = join(directory, name);
  for (const [path, contents] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), contents);
  }
  return root;
}

test("findPackages() finds what five systems have installed, and follows no link", () => {
  const outside = tree("outside", {
    "node_modules/outside/package.json": '{"name":"outside","version":"1"}',
  });
  const root = tree("root", {
    "usr/lib/os-release": "ID=debian\nVERSION_ID=12\n",
    "var/lib/dpkg/status": "Package: a\nVersion: 1\nArchitecture: all\n",
    "lib/apk/db/installed": "P:b\nV:2\n",
    "usr/lib/sysimage/rpm/rpmdb.sqlite": rpmDatabase(bash),
    "srv/node_modules/c/package.json": '{"name":"c","version":"3"}',
    "srv/node_modules/c/test/package.json": '{"name":"no-module","version":"3"}',
    "usr/lib/python3/dist-packages/d-4.dist-info/METADATA": "Name: d\nVersion: 4\n",
  });
  symlinkSync(outside, join(root, "link"));
  symlinkSync(join(outside, "node_modules"), join(root, "srv/x"));
  using open = OpenDirectory.at(root);
  const inventory = findPackages(open);
  expect(inventory.packages.map(({ kind, name }) => `${kind} ${name}`)).toEqual([
    "apk b",
    "deb a",
    "npm c",
    "pypi d",
    "rpm bash",
  ]);
  expect(inventory.distribution).toEqual({ id: "debian", version: "12" });
  expect(inventory.isCut).toBe(false);
});

test("both documents name the subject and every package, and are the same each time", () => {
  const root = tree("small", { "var/lib/dpkg/status": "Package: a\nVersion: 1\n" });
  using open = OpenDirectory.at(root);
  const inventory = findPackages(open);
  const subject = { name: "x:1", digest: "sha256:ab", createdAt: 0, toolVersion: "1" };
  const spdx = spdxDocument(inventory, subject);
  expect(spdx).toMatchObject({
    spdxVersion: "SPDX-2.3",
    creationInfo: { created: "1970-01-01T00:00:00Z" },
    packages: [{ name: "x:1" }, { name: "a", versionInfo: "1" }],
    relationships: [{ relationshipType: "DESCRIBES" }, { relationshipType: "CONTAINS" }],
  });
  expect(cycloneDxDocument(inventory, subject)).toMatchObject({
    bomFormat: "CycloneDX",
    metadata: { timestamp: "1970-01-01T00:00:00Z", component: { name: "x:1" } },
    components: [{ name: "a", version: "1", purl: "pkg:deb/a@1" }],
  });
  expect(JSON.stringify(spdxDocument(findPackages(open), subject))).toBe(JSON.stringify(spdx));
});
