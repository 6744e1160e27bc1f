import { describe, expect, test } from "bun:test";
import { stepLine } from "./build-progress.ts";
import { buildRequest, dockerfileOf } from "./build-request.ts";
import { Parameters } from "./parameters.ts";

const parameters = (values: Record<string, unknown>) =>
  new Parameters(
    new URLSearchParams(
      Object.entries(values).flatMap(([name, value]) =>
        Array.isArray(value)
          ? value.map((one): [string, string] => [name, String(one)])
          : [[name, typeof value === "object" ? JSON.stringify(value) : String(value)]],
      ),
    ),
  );
const request = (values: Record<string, unknown>) => buildRequest(parameters(values));
const json = (value: unknown) => JSON.stringify(value);

/** What Podman's client sends when nobody asked for anything. */
const unasked = {
  forcerm: 1,
  identitylabel: 1,
  idmappingoptions: {
    HostUIDMapping: true,
    HostGIDMapping: true,
    UIDMap: [],
    GIDMap: [],
    AutoUserNs: false,
    AutoUserNsOpts: { Size: 0, AdditionalUIDMappings: null },
  },
  isolation: 1,
  jobs: 1,
  layers: 1,
  networkmode: 0,
  nsoptions: json([{ Name: "user", Host: true, Path: "" }]),
  omithistory: 0,
  outputformat: "application/vnd.oci.image.manifest.v1+json",
  platform: "/",
  pullpolicy: "missing",
  rm: 1,
  seccomp: "/usr/share/containers/seccomp.json",
  shmsize: 67108864,
  t: "",
};

describe("buildRequest()", () => {
  test("of what a client sends unasked", () => {
    expect(request(unasked)).toMatchObject({
      tags: [],
      target: null,
      platforms: [],
      squash: "none",
      usesCache: true,
      pull: "missing",
      network: "default",
      sentSecrets: [],
      contexts: {},
      jobs: 1,
      epoch: null,
      family: "oci",
    });
  });

  test("of what was asked", () => {
    const asked = request({
      ...unasked,
      output: "a:1",
      t: ["a:1", "a:2"],
      target: "x",
      buildargs: { A: "1" },
      labels: json(["l=v=w", "bare"]),
      annotations: json(["q=r"]),
      platform: ["linux/arm64,linux/amd64", "/arm64"],
      pullpolicy: "ifnewer",
      nocache: 1,
      jobs: 3,
      timestamp: 0,
      outputformat: "application/vnd.docker.distribution.manifest.v2+json",
      secrets: json(["id=t,src=podman-build-secret4"]),
      additionalbuildcontexts: {
        o: { IsURL: false, IsImage: true, Value: "localhost/o" },
        w: { IsURL: true, IsImage: false, Value: "https://example.com/a.tar" },
        g: { IsURL: true, IsImage: false, Value: "https://example.com/a.git" },
      },
      extrahosts: json(["a:1.2.3.4"]),
      memory: 104857600,
      addcaps: json(["NET_ADMIN"]),
    });
    expect(asked).toMatchObject({
      tags: ["a:1", "a:2"],
      target: "x",
      buildArgs: { A: "1" },
      labels: { l: "v=w", bare: "" },
      annotations: [{ key: "q", value: "r" }],
      platforms: [
        { os: "linux", architecture: "arm64" },
        { os: "linux", architecture: "amd64" },
        { os: null, architecture: "arm64" },
      ],
      pull: "newer",
      usesCache: false,
      jobs: 3,
      epoch: { seconds: 0, isExact: true },
      family: "docker",
      sentSecrets: [{ id: "t", file: "podman-build-secret4" }],
      contexts: {
        o: { kind: "image", name: "localhost/o" },
        w: { kind: "web", address: "https://example.com/a.tar" },
        g: { kind: "git", address: "https://example.com/a.git" },
      },
    });
    expect(asked.template).toMatchObject({ resources: { memoryBytes: 104857600 } });
  });

  test.each([
    [{ squash: 1 }, "all"],
    [{ layers: 1 }, "none"],
    [{}, "own"],
  ])("layers of %j", (values, squash) => {
    expect(request(values).squash).toBe(squash as "all");
  });

  test.each([
    [{ networkmode: 1 }, "none"],
    [{ networkmode: 2, nsoptions: json([{ Name: "network", Host: true }]) }, "host"],
    [{ networkmode: 2, nsoptions: json([{ Name: "network", Path: "podman" }]) }, "default"],
    [{ networkmode: "host" }, "host"],
  ])("the network of %j", (values, network) => {
    expect(request(values).network).toBe(network as "none");
  });

  test.each([
    [{ from: "x" }, "the parameter from is not supported"],
    [{ isolation: 2 }, "the parameter isolation is not supported"],
    [{ omithistory: 1 }, "omithistory"],
    [{ inheritlabels: 0 }, "the parameter inheritlabels is not supported"],
    [{ networkmode: "web" }, "network web"],
    [{ nsoptions: json([{ Name: "pid", Path: "/proc/1/ns/pid" }]) }, "no other pid namespace"],
    [{ nsoptions: json([{ Name: "user", Host: false }]) }, "no other user namespace"],
    [{ idmappingoptions: { UIDMap: [{ size: 1 }] } }, "idmappingoptions"],
    [{ secrets: json(["id=a,env=HOME"]) }, "unexpected key 'env'"],
    [{ secrets: json(["id=a,src=../x"]) }, "at the top of the context"],
    [{ secrets: json(["src=x"]) }, "needs an id"],
    [{ additionalbuildcontexts: { d: { Value: "/etc" } } }, 'the build context "d" is no image'],
    [{ additionalbuildcontexts: "d=image:oci:/etc" }, "is no image"],
    [{ additionalbuildcontexts: "d=url:file:///etc" }, "is no image"],
    [{ additionalbuildcontexts: "d=localpath:/etc" }, 'the build context "d" is no image'],
    [{ pullpolicy: "zork" }, "must be one of"],
    [{ outputformat: "zork" }, "no format of an image"],
    [{ jobs: -2 }, "jobs"],
    [{ memory: "much" }, "memory"],
  ])("refuses %j", (values, message) => {
    expect(() => request(values)).toThrow(message);
  });
});

test.each([
  [{}, null],
  [{ dockerfile: "Dockerfile.dev" }, "Dockerfile.dev"],
  [{ dockerfile: json(["/tmp/x"]) }, "/tmp/x"],
])("dockerfileOf() of %j", (values, file) => {
  expect(dockerfileOf(parameters(values))).toBe(file);
});

test.each([["-"], ["a\nb"], [json(["a", "b"])]])("dockerfileOf() refuses %s", (dockerfile) => {
  expect(() => dockerfileOf(parameters({ dockerfile }))).toThrow();
});

test.each([
  ["[2/3] RUN a", "STEP 2/3: RUN a"],
  ["[stage-1 2/3] RUN a\nb", "STEP 2/3: RUN a\nb"],
  ["[base 1/3] FROM x", "[base] STEP 1/3: FROM x"],
  ["[linux/arm64 base 1/3] FROM x", "[linux/arm64 base] STEP 1/3: FROM x"],
  ["something else", "something else"],
])("stepLine(%j)", (title, line) => {
  expect(stepLine(title)).toBe(line);
});
