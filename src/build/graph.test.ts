// biome-ignore-all lint/suspicious/noTemplateCurlyInString: they are the subject
import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { CooperError } from "../errors.ts";
import type { ImageConfig } from "../oci/image-config.ts";
import { parseDockerfile } from "./dockerfile/parse.ts";
import { describeGraph } from "./graph.ts";
import { type GraphInput, imageKey, planGraph } from "./stages.ts";

const fixtures = join(import.meta.dir, "../../test/fixtures/graphs");

const image = (config: NonNullable<ImageConfig["config"]>): ImageConfig => ({
  architecture: "amd64",
  os: "linux",
  config,
  rootfs: { type: "layers", diff_ids: [] },
});

const images = new Map<string, ImageConfig>([
  ["base", image({ Env: ["PATH=/bin", "OWN=1"], Cmd: ["sh"], Labels: { of: "base" } })],
  ["base:latest", image({ Env: ["PATH=/bin"], Cmd: ["sh"], User: "0", WorkingDir: "/base" })],
  ["onbuild", image({ OnBuild: ["ENV T=1", "RUN trigger $T"], WorkingDir: "/w" })],
]);

const platform = { os: "linux", architecture: "amd64", variant: "" };

function plan(text: string, more: Partial<GraphInput> = {}) {
  return planGraph({
    dockerfile: parseDockerfile("Dockerfile", text || "FROM scratch"),
    target: null,
    buildArgs: {},
    labels: {},
    buildPlatform: platform,
    targetPlatform: platform,
    network: "default",
    allowed: [],
    contexts: {},
    images: new Map(
      [...images].map(([name, config]) => [imageKey({ name, platform: null }), config]),
    ),
    ...more,
  });
}

function graphOf(text: string, more: Partial<GraphInput> = {}): string {
  const planned = plan(text, more);
  return planned.kind === "graph" ? describeGraph(planned.graph) : JSON.stringify(planned.images);
}

describe("planGraph() makes of what is on disk", () => {
  const names = readdirSync(fixtures).filter((name) => name.endsWith(".dockerfile"));
  test.each(names)("%s", (name) => {
    const file = join(fixtures, name);
    const expected = readFileSync(file.replace(/\.dockerfile$/, ".txt"), "utf8");
    expect(graphOf(readFileSync(file, "utf8"))).toBe(expected);
  });
});

describe("planGraph()", () => {
  test("asks for the configuration of an image before it says more", () => {
    const planned = plan("FROM --platform=linux/arm64 unknown:1\nRUN x");
    expect(planned).toEqual({
      kind: "needs",
      images: [{ name: "unknown:1", platform: "linux/arm64" }],
    });
  });

  test.each([
    ["a target by name", { target: "A" }, "result 1"],
    ["a target by number", { target: "1" }, "result 2"],
    ["the last stage", {}, "result 3"],
  ])("reads %s", (_, more, result) => {
    const text = "FROM base AS a\nRUN a\nFROM a AS b\nRUN b\nFROM b\nRUN c";
    expect(graphOf(text, more)).toContain(result);
  });

  test.each([
    ["RUN --network=host x", ["network.host"], 'network="host"'],
    ["RUN --security=insecure x", ["security.insecure"], "isInsecure=true"],
    ["RUN --device=v.com/c=d,required x", ["device"], '"name":"v.com/c=d","isRequired":true'],
    ["RUN --device=name=v.com/c=d x", ["device=v.com/c=d"], '"isRequired":false'],
  ])("%s needs --allow %p", (line, allowed, expected) => {
    expect(graphOf(`FROM base\n${line}`, { allowed })).toContain(expected);
  });

  test.each([
    ["its default", "ARG A=1", {}, "A=1"],
    ["what is given", "ARG A=1", { A: "2" }, "A=2"],
    ["nothing where it was not declared", "", { A: "2" }, "A="],
    ["the global one", "ARG G", {}, "A="],
  ])("an ARG has %s", (_, line, buildArgs, expected) => {
    const text = `ARG G=global\nFROM base\n${line}\nENV X="A=$A"`;
    expect(graphOf(text, { buildArgs })).toContain(JSON.stringify(`X=${expected}`));
  });

  test("ENV goes before ARG of the same name, and a stage goes on with ARG of its base", () => {
    const text = "FROM base AS a\nENV A=env\nARG A=arg\nARG B=b\nFROM a\nRUN $A $B";
    const graph = graphOf(text);
    expect(graph).toContain('env=["PATH=/bin","OWN=1","A=env","B=b"]');
    expect(graph).toContain("+ RUN |2 A=env B=b /bin/sh -c $A $B # buildkit");
  });

  test("a proxy is handed to commands, and is not a part of what they are", () => {
    const graph = graphOf("FROM base\nRUN x", { buildArgs: { http_proxy: "http://p" } });
    expect(graph).toContain('passedEnv=["http_proxy=http://p"]');
    expect(graph).toContain("+ RUN /bin/sh -c x # buildkit");
  });

  test("a trigger of the base is told by the line that took it in", () => {
    const dockerfile = parseDockerfile("Dockerfile", "# one\nARG A\nFROM onbuild");
    const planned = plan("", { dockerfile });
    const steps = planned.kind === "graph" ? planned.graph.steps : [];
    expect(steps.find(({ step }) => step.kind === "run")?.place?.range.start.line).toBe(3);
  });

  test("labels of the command line go over those of the file", () => {
    const graph = graphOf("FROM base\nLABEL a=1", { labels: { a: "2" } });
    expect(graph).toContain('Labels: {"of":"base","a":"2"}');
  });

  test("a variable that is never set is told, with its place", () => {
    const told: string[] = [];
    graphOf("FROM base\nARG A=1\nRUN x\nCOPY $AA ${B:-x} /\nWORKDIR $A", {
      onUndefined: (name, { start }) => told.push(`${name} ${start.line}:${start.column}`),
    });
    expect(told).toEqual(["AA 4:6"]);
  });

  test.each<[string, string, Partial<GraphInput>]>([
    [
      "FROM base AS build",
      `target stage "biuld" could not be found in Dockerfile (did you mean build?)`,
      { target: "biuld" },
    ],
    ["FROM ${X}", "Dockerfile:1:6: base name (${X}) should not be blank", {}],
    ["FROM ${X", `Dockerfile:1:6: failed to process "\${X": missing '}'`, {}],
    [
      "FROM base AS a\nCOPY --from=a x y",
      "Dockerfile:2:6: circular dependency: stage a copies from itself",
      {},
    ],
    ["FROM base\nCOPY --from=1 x y", "Dockerfile:2:6: there is no stage 1: they count from 0", {}],
    ["FROM base\nCOPY --from=0 x y", "Dockerfile:2:6: stage 0 does not stand before this one", {}],
    [
      "FROM base\nCOPY --from=$X x y",
      "Dockerfile:2:6: variable expansion is not supported for --from",
      {},
    ],
    [
      "FROM base\nCOPY a b c",
      "Dockerfile:2:10: When using COPY with more than one source file",
      {},
    ],
    ["FROM base\nSTOPSIGNAL bogus", "Dockerfile:2:12: ", {}],
    ["FROM base\nEXPOSE 80/foo", "Dockerfile:2:8: invalid proto: foo", {}],
    ["FROM base\nEXPOSE 70000", "Dockerfile:2:8: invalid containerPort: 70000", {}],
    [
      "FROM base\nRUN --mount=type=bind,target=/ x",
      "Dockerfile:2:5: the root cannot be mounted over",
      {},
    ],
    [
      "FROM base\nRUN --mount=type=cahce,target=/x x",
      "Dockerfile:2:5: unknown mount type: cahce (did you mean cache?)",
      {},
    ],
    ["FROM base\nRUN --network=bridge x", "Dockerfile:2:5: unknown network mode: bridge", {}],
    [
      "FROM base\nRUN --network=host x",
      "Dockerfile:2:5: RUN --network=host is not allowed by itself",
      {},
    ],
    [
      "FROM base\nRUN --security=insecure x",
      "Dockerfile:2:5: RUN --security=insecure is not allowed by itself",
      {},
    ],
    [
      "FROM base\nRUN --security=insecure x",
      "Dockerfile:2:5: RUN --security=insecure is not allowed by itself",
      { allowed: ["network.host", "device"] },
    ],
    [
      "FROM base\nRUN --security=none x",
      'Dockerfile:2:5: security mode "none" is not supported',
      {},
    ],
    [
      "FROM base\nRUN --device=v.com/c=d x",
      "Dockerfile:2:5: RUN --device=v.com/c=d is not allowed by itself",
      { allowed: ["device=v.com/c=other"] },
    ],
    [
      "FROM base\nRUN --device=/dev/sda x",
      'Dockerfile:2:5: "/dev/sda" is no name of a CDI device',
      { allowed: ["device"] },
    ],
    [
      "FROM base\nADD file:///srv/x.git /x",
      "Dockerfile:2:1: ADD takes no repository of this machine",
      {},
    ],
    [
      "FROM base\nADD --keep-git-dir x /y",
      "Dockerfile:2:1: --keep-git-dir is for git repositories",
      {},
    ],
    [
      "FROM base\nADD https://h/x.git#-u /y",
      'Dockerfile:2:1: invalid git repository "https://h/x.git#-u"',
      {},
    ],
    [
      "FROM base\nADD https://me:secret@h/x.git?depth=1 /y",
      'Dockerfile:2:1: invalid git repository "https://xxxxx@h/x.git?depth=1": unexpected query "depth"\n  1 | FROM base\n> 2 | ADD https://xxxxx@h/x.git',
      {},
    ],
    ["FROM base\nADD --checksum=md5:1 http://x /y", "Dockerfile:2:5: invalid checksum md5:1", {}],
    [
      "FROM base\nADD --checksum=sha256:1 x /y",
      "Dockerfile:2:5: checksum can't be specified for non-HTTP(S) and non-Git sources",
      {},
    ],
    [
      "FROM onbuild:bad",
      "Dockerfile: ONBUILD of the base image:1:1: unknown instruction: BOGUS",
      {
        images: new Map([
          [imageKey({ name: "onbuild:bad", platform: null }), image({ OnBuild: ["BOGUS"] })],
        ]),
      },
    ],
  ])("refuses %j: %s", (text, message, more) => {
    try {
      plan(text, more);
    } catch (error) {
      expect(error instanceof CooperError ? error.message : `${error}`).toStartWith(message);
      return;
    }
    throw new Error("it was not refused");
  });
});
