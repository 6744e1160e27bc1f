import { describe, expect, test } from "bun:test";
import { type ProvenanceFacts, provenance } from "./provenance.ts";

const facts: ProvenanceFacts = {
  source: { uri: "https://example.com/a.git#main", digest: { sha1: "0".repeat(40) } },
  dockerfile: { name: "Dockerfile", text: "FROM scratch # the text" },
  buildArgs: { TOKEN: "value-of-token" },
  labels: {},
  target: null,
  secrets: ["name-of-secret"],
  agents: [],
  locals: [],
  platform: "linux/arm64",
  builderPlatform: "linux/amd64",
  materials: [{ uri: "pkg:docker/base@1", digest: { sha256: "1".repeat(64) } }],
  steps: [{ step: { kind: "scratch" }, title: "scratch", stages: [], place: null }],
  invocationId: "id",
  startedAt: 0,
  finishedAt: 1000,
};
const common = { builderId: "https://example.com/ci/7", isReproducible: false };

describe.each(["v1", "v0.2"] as const)("provenance() of %s", (version) => {
  const text = (mode: "min" | "max") =>
    JSON.stringify(provenance({ ...common, version, mode }, facts));

  test("says by whom, when, of what", () => {
    for (const part of [common.builderId, "1970-01-01T00:00:01.000Z", "pkg:docker/base@1", "a.git"])
      expect(text("min")).toContain(part);
    expect(text("min")).toContain(`https://slsa.dev/provenance/${version}`);
  });

  test("keeps values, names of secrets and the Dockerfile for mode=max", () => {
    const encoded = Buffer.from(facts.dockerfile.text).toString("base64");
    for (const part of ["value-of-token", "name-of-secret", encoded, "step0"]) {
      expect(text("min")).not.toContain(part);
      expect(text("max")).toContain(part);
    }
  });
});

test("provenance() tells no credentials of repositories", () => {
  const remote = { url: "https://h/a.git", protocol: "https", host: "h", credentials: "me:hidden" };
  const step = {
    kind: "git",
    address: { remote },
  } as unknown as (typeof facts.steps)[number]["step"];
  const steps = [{ step, title: "ADD https://me:hidden@h/a.git", stages: [], place: null }];
  const text = JSON.stringify(
    provenance({ ...common, version: "v1", mode: "max" }, { ...facts, steps }),
  );
  expect(text).toContain("https://h/a.git");
  expect(text).not.toContain("hidden");
});

test("provenance() calls its list complete only without files of this machine", () => {
  const completeness = (locals: string[]) => {
    const how = { ...common, version: "v0.2", mode: "max" } as const;
    const { predicate } = provenance(how, { ...facts, locals });
    return (predicate as { metadata: { completeness: object } }).metadata.completeness;
  };
  expect(completeness([])).toMatchObject({ materials: true });
  expect(completeness(["context"])).toMatchObject({ materials: false });
});
