import { expect, test } from "bun:test";
import { parseDockerfile } from "./dockerfile/parse.ts";
import { mergeGraphs } from "./merge.ts";
import { planGraph } from "./stages.ts";

const amd64 = { os: "linux", architecture: "amd64", variant: "" };
const arm64 = { os: "linux", architecture: "arm64", variant: "v8" };

function graphFor(targetPlatform: typeof amd64, text: string) {
  const planned = planGraph({
    dockerfile: parseDockerfile("Dockerfile", text),
    target: null,
    buildArgs: {},
    labels: {},
    buildPlatform: amd64,
    targetPlatform,
    network: "default",
    allowed: [],
    contexts: {},
    images: new Map(),
  });
  if (planned.kind !== "graph") throw new Error("it needs images");
  return planned.graph;
}

test("mergeGraphs() does once what platforms have in common", () => {
  const text = [
    "FROM scratch AS a",
    "COPY <<E /shared",
    "E",
    "ARG TARGETARCH",
    "COPY <<E /$TARGETARCH",
    "E",
    "FROM scratch",
    "COPY --from=a / /",
  ].join("\n");
  const graphs = [amd64, arm64].map((platform) => graphFor(platform, text));
  const { steps, results } = mergeGraphs(graphs, ["linux/amd64", "linux/arm64"]);
  expect(steps.map(({ title }) => title)).toEqual([
    "[linux/amd64 stage-1 1/2] FROM scratch",
    "[linux/amd64 a 2/3] COPY <<E /shared",
    "[linux/amd64 a 3/3] COPY <<E /$TARGETARCH",
    "[linux/amd64 stage-1 2/2] COPY --from=a / /",
    "[linux/arm64 a 3/3] COPY <<E /$TARGETARCH",
    "[linux/arm64 stage-1 2/2] COPY --from=a / /",
  ]);
  expect(results.map(({ tree }) => tree)).toEqual([3, 5]);
  expect(steps[5]?.step).toMatchObject({ kind: "copy", base: 0, tree: 4 });
});
