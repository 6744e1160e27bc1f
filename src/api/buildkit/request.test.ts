import { describe, expect, test } from "bun:test";
import { ignorePatterns } from "./files.ts";
import { encode, Message, mapFields } from "./protobuf.ts";
import { askedBuild, askedCacheTargets, askedTags } from "./request.ts";

describe("askedBuild()", () => {
  test("without attributes it is a Dockerfile and a context", () => {
    expect(askedBuild({})).toMatchObject({
      target: null,
      filename: "Dockerfile",
      usesCache: true,
      withoutCache: [],
      pull: "missing",
      network: "default",
      contextDirectory: "context",
      dockerfileDirectory: "dockerfile",
      platforms: [],
      context: { kind: "files" },
    });
  });

  test.each([
    [
      { "build-arg:A": "1", "label:l": "v" },
      { buildArgs: { A: "1" }, labels: { l: "v" } },
    ],
    [{ "no-cache": "" }, { usesCache: false, withoutCache: [] }],
    [{ "no-cache": "a,b" }, { usesCache: true, withoutCache: ["a", "b"] }],
    [{ "image-resolve-mode": "pull" }, { pull: "always" }],
    [{ "force-network-mode": "host" }, { network: "host" }],
    [{ context: "http://buildkit-session/abc" }, { context: { kind: "upload", path: "/abc" } }],
    [
      { context: "https://example.com/x.git" },
      { context: { kind: "address", address: "https://example.com/x.git" } },
    ],
    [
      { platform: "linux/arm64,linux/amd64" },
      { platforms: [{ architecture: "arm64" }, { architecture: "amd64" }] },
    ],
    [
      { "context:x": "docker-image://img:1", "context:y": "local:y-dir" },
      { contexts: { x: { kind: "image", name: "img:1" } }, directories: { y: "y-dir" } },
    ],
    [
      { "add-hosts": "a=1.2.3.4,b=::1" },
      { template: { networking: { extraHosts: ["a:1.2.3.4", "b:::1"] } } },
    ],
    [
      { "cache-imports": '[{"Type":"registry","Attrs":{"ref":"reg:5000/a:c"}}]' },
      { cacheFrom: [{ kind: "registry", names: ["reg:5000/a:c"] }] },
    ],
    [
      { "cache-from": "a" },
      { cacheFrom: [{ kind: "registry", names: ["docker.io/library/a:latest"] }] },
    ],
    [{ "vcs:revision": "abc", "attest:provenance": "mode=min,inline-only=true" }, {}],
  ])("%j", (attributes, asked) => {
    expect(askedBuild(attributes)).toMatchObject(asked);
  });

  test.each([
    [{ platform: "not a platform" }, "invalid platform"],
    [{ "cache-imports": '[{"Type":"gha"}]' }, "caches of type gha"],
    [{ "cache-imports": "x" }, "not valid JSON"],
    [{ requestid: "frontend.lint" }, "frontend.lint"],
    [{ "attest:sbom": "" }, "attest:sbom is not supported"],
    [{ "context:x": "git://x" }, "the build context x"],
    [{ "force-network-mode": "mynet" }, "the network mynet"],
    [{ something: "new" }, "something is not supported"],
    [{ context: "/etc" }, "is no address of a repository or file"],
    [{ context: "-" }, "is no address of a repository or file"],
    [{ context: "file:///srv/a.git" }, "is no address of a repository or file"],
    [{ filename: "-" }, '"-" is no name of a Dockerfile'],
  ])("refuses %j", (attributes, words) => {
    expect(() => askedBuild(attributes)).toThrow(words);
  });
});

describe("askedTags()", () => {
  const exporter = (type: string, attributes: Record<string, string>) =>
    encode([1, type], ...mapFields(2, attributes));
  const request = (...fields: Parameters<typeof encode>) => new Message(encode(...fields));

  test("of a list, or of the one that older clients send", () => {
    expect(askedTags(request([13, exporter("moby", { name: "a:1,b" })]))).toEqual(["a:1", "b"]);
    expect(askedTags(request([3, "image"], ...mapFields(4, { name: "c" })))).toEqual(["c"]);
    expect(askedTags(request())).toEqual([]);
    const pushed = exporter("moby", { name: "d", push: "true" });
    expect(askedTags(request([13, pushed]))).toEqual(["d"]); // which the client does itself
  });

  test.each([
    [exporter("local", {}), "output of type local"],
    [exporter("image", { name: "a", push: "true" }), "docker push"],
  ])("refuses what is not done", (one, words) => {
    expect(() => askedTags(request([13, one]))).toThrow(words);
  });
});

test("askedCacheTargets() takes inline, and refuses what is elsewhere", () => {
  const request = (type: string) => new Message(encode([8, encode([4, encode([1, type])])]));
  expect(askedCacheTargets(new Message(encode()))).toEqual([]);
  expect(askedCacheTargets(request("inline"))).toEqual([{ kind: "inline" }]);
  expect(() => askedCacheTargets(request("gha"))).toThrow("caches of type gha");
});

test("ignorePatterns() leaves out comments and blanks, and what counts from the root", () => {
  const text = "\ufeff# no\n a \n\r\n/b/c\n!/d\n!\n*.e\r\n";
  expect(ignorePatterns(text)).toEqual(["a", "b/c", "!d", "*.e"]);
});
