import { describe, expect, test } from "bun:test";
import type { ImageConfig, ProcessConfig } from "../oci/image-config.ts";
import { committedConfig, imageDocument } from "./commit-config.ts";
import { type ContainerSpec, emptySpec } from "./spec.ts";

const base: ImageConfig = {
  architecture: "arm64",
  variant: "v8",
  os: "linux",
  config: {
    Cmd: ["serve"],
    Entrypoint: ["/entry"],
    Env: ["PATH=/bin", "A=image"],
    ExposedPorts: { "80/tcp": {} },
    Labels: { from: "image", kept: "yes" },
    OnBuild: ["RUN true"],
    StopSignal: "SIGQUIT",
    Volumes: { "/image": {} },
  },
  rootfs: { type: "layers", diff_ids: [] },
  history: [{ created_by: "before" }],
};

const volumes = [
  { target: "/anonymous", name: "x", isAnonymous: true },
  { target: "/named", name: "y", isAnonymous: false },
];

function committed(
  spec: Partial<ContainerSpec>,
  changes: string[] = [],
  config: ProcessConfig = {},
  includesVolumes = false,
): ProcessConfig {
  const resolved = { imageConfig: base, volumes: [] };
  return committedConfig(
    { spec: { ...emptySpec(), ...spec }, resolved },
    { changes, config, includesVolumes },
  );
}

describe("committedConfig()", () => {
  test.each<[string, Partial<ContainerSpec>, Partial<ProcessConfig>]>([
    ["the image's where nothing was asked", {}, { Cmd: ["serve"], Entrypoint: ["/entry"] }],
    ["a command of its own", { command: ["ls"] }, { Cmd: ["ls"], Entrypoint: ["/entry"] }],
    [
      "an entrypoint of its own, without the image's command",
      { entrypoint: ["/mine"] },
      { Entrypoint: ["/mine"] },
    ],
    ["variables of both", { env: ["A=own", "B=c=d"] }, { Env: ["PATH=/bin", "A=own", "B=c=d"] }],
    ["no variable of the caller's", { env: ["HOME"] }, { Env: ["PATH=/bin", "A=image"] }],
    ["variables taken away", { unsetEnv: ["A"] }, { Env: ["PATH=/bin"] }],
    ["labels of both", { labels: { from: "me" } }, { Labels: { from: "me", kept: "yes" } }],
    [
      "user, directory, signal",
      { user: "7", workdir: "/w", stopSignal: "9" },
      {
        User: "7",
        WorkingDir: "/w",
        StopSignal: "9",
      },
    ],
    [
      "a health check",
      { health: { ...emptySpec().health, test: ["CMD", "x"], intervalSeconds: 2 } },
      { Healthcheck: { Test: ["CMD", "x"], Interval: 2e9 } },
    ],
  ])("has %s", (_, spec, wanted) => {
    const config = committed(spec);
    expect(config).toMatchObject(wanted);
    expect("OnBuild" in config).toBe(false);
    if (spec.entrypoint) expect("Cmd" in config).toBe(false);
  });

  test("published and exposed ports are exposed", () => {
    const { networking } = emptySpec();
    const port = { hostAddress: null, hostPort: null, choices: 1, containerPort: 90, count: 2 };
    const config = committed({
      networking: { ...networking, expose: ["7/udp"], ports: [{ ...port, protocol: "tcp" }] },
    });
    expect(Object.keys(config.ExposedPorts ?? {})).toEqual(["80/tcp", "7/udp", "90/tcp", "91/tcp"]);
  });

  test.each([
    [false, ["/image", "/anonymous"]],
    [true, ["/image", "/anonymous", "/named"]],
  ])("volumes, with named ones: %p", (includesVolumes, wanted) => {
    const resolved = { imageConfig: base, volumes };
    const { Volumes } = committedConfig(
      { spec: emptySpec(), resolved },
      { changes: [], config: {}, includesVolumes },
    );
    expect(Object.keys(Volumes ?? {})).toEqual(wanted);
  });

  test("a file's fields come before changes", () => {
    const config = committed({}, ["CMD new", "ONBUILD RUN x"], { User: "9", Cmd: ["file"] });
    expect(config).toMatchObject({ User: "9", Cmd: ["/bin/sh", "-c", "new"], OnBuild: ["RUN x"] });
  });
});

test("imageDocument() goes on with the image's history, platform and author", () => {
  const parts = {
    base,
    config: { Cmd: ["x"] },
    author: "me",
    message: "why",
    diffIds: ["sha256:1"],
    command: ["sh", "-c", "y"],
    isSquashed: false,
    created: new Date(0),
    platform: { os: "linux", architecture: "amd64", variant: "" },
  };
  const document = JSON.parse(imageDocument(parts));
  expect(document).toMatchObject({
    architecture: "arm64",
    variant: "v8",
    author: "me",
    comment: "why",
  });
  expect(document.history).toEqual([
    { created_by: "before" },
    { created: "1970-01-01T00:00:00.000Z", created_by: "sh -c y", author: "me", comment: "why" },
  ]);
  expect(JSON.parse(imageDocument({ ...parts, isSquashed: true })).history.length).toBe(1);
});
