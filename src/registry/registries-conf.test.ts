import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pullSources, pushTarget } from "./pull-sources.ts";
import { loadRegistriesConf } from "./registries-conf.ts";

const root = mkdtempSync("/tmp/cooper-registries-");
afterAll(() => rmSync(root, { recursive: true, force: true }));
mkdirSync(join(root, "etc/containers/registries.conf.d"), { recursive: true });
writeFileSync(
  join(root, "etc/containers/registries.conf"),
  `
unqualified-search-registries = ["quay.io", "docker.io"]
[aliases]
tool = "quay.io/team/tool"
[[registry]]
location = "evil.example"
blocked = true
[[registry]]
prefix = "docker.io/team"
location = "mirror.example/dockerhub/team"
[[registry]]
location = "plain.example:5000"
insecure = true
[[registry.mirror]]
location = "near.example/cache"
[[registry.mirror]]
location = "pinned.example"
pull-from-mirror = "digest-only"
[[registry]]
prefix = "*.wild.example"
location = "proxy.example"
`,
);
writeFileSync(
  join(root, "etc/containers/registries.conf.d/10-more.conf"),
  '[aliases]\nmore = "ghcr.io/more/more"\n',
);
const conf = loadRegistriesConf({}, false, root);

test("loadRegistriesConf() merges the file and its directory", () => {
  expect(conf.searchRegistries).toEqual(["quay.io", "docker.io"]);
  expect([...conf.aliases]).toEqual([
    ["tool", "quay.io/team/tool"],
    ["more", "ghcr.io/more/more"],
  ]);
});

test("loadRegistriesConf() without any file asks Docker Hub", () => {
  expect(loadRegistriesConf({}, false, join(root, "nowhere")).searchRegistries).toEqual([
    "docker.io",
  ]);
});

test.each<[string, string, boolean, string[]]>([
  ["quay.io", "a/b", false, ["quay.io a/b"]],
  ["docker.io", "team/x", false, ["mirror.example dockerhub/team/x"]],
  ["docker.io", "teams/x", false, ["docker.io teams/x"]],
  ["plain.example:5000", "x", false, ["near.example cache/x", "plain.example:5000 x insecure"]],
  [
    "plain.example:5000",
    "x",
    true,
    ["near.example cache/x", "pinned.example x", "plain.example:5000 x insecure"],
  ],
  ["a.wild.example", "x", false, ["proxy.example x"]],
])("pullSources(%s/%s)", (registry, repository, isByDigest, expected) => {
  const sources = pullSources(conf, registry, repository, isByDigest);
  expect(
    sources.map(
      (source) => `${source.registry} ${source.repository}${source.isInsecure ? " insecure" : ""}`,
    ),
  ).toEqual(expected);
});

test.each<[string, string, string]>([
  ["a scheme", '[[registry]]\nlocation = "https://a.example"', "no host with a path"],
  ["a star within", '[[registry]]\nprefix = "a.*.example"', "only in front"],
  ["an unknown mode", 'short-name-mode = "often"', "unknown short-name-mode"],
  [
    "two rules for a mirror",
    '[[registry]]\nlocation = "a"\nmirror-by-digest-only = true\n[[registry.mirror]]\nlocation = "b"\npull-from-mirror = "all"',
    "exclude each other",
  ],
  ["version 1", "[registries.search]\nregistries = []", "old format"],
  ["no TOML", "= 1", "not valid TOML"],
])("loadRegistriesConf() refuses %s", (_, text, message) => {
  const file = join(root, "bad.conf");
  writeFileSync(file, text);
  expect(() => loadRegistriesConf({ CONTAINERS_REGISTRIES_CONF: file }, false)).toThrow(message);
});

test("loadRegistriesConf() lets later files take away, and pushTarget() passes mirrors by", () => {
  const file = join(root, "one.conf");
  writeFileSync(
    file,
    `credential-helpers = ["secretservice", "containers-auth.json"]
[aliases]
gone = ""
[[registry]]
location = "a.example/path/"
prefix = "b.example"
[[registry.mirror]]
location = "m.example"
pull-from-mirror = "tag-only"
`,
  );
  const one = loadRegistriesConf({ CONTAINERS_REGISTRIES_CONF: file }, false);
  expect(one.credentialHelpers).toEqual(["secretservice", "containers-auth.json"]);
  expect(one.aliases.size).toBe(0);
  expect(pushTarget(one, "b.example", "x")).toMatchObject({
    registry: "a.example",
    repository: "path/x",
    isMirror: false,
  });
  expect(pullSources(one, "b.example", "x", false).map(({ registry }) => registry)).toEqual([
    "m.example",
    "a.example",
  ]);
  expect(pullSources(one, "b.example", "x", true).length).toBe(1);
  expect(pullSources(one, "c.example", "x", true)[0]).toMatchObject({ registry: "c.example" });
});

test("pullSources() refuses what is blocked", () => {
  expect(() => pullSources(conf, "evil.example", "x", false)).toThrow("blocks evil.example");
});
