import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BuildOptions } from "../build/build.ts";
import { emptySpec } from "../container/spec.ts";
import { buildElsewhere } from "./build.ts";
import type { Client } from "./client.ts";

const engine = {
  peer: async () => ({ kind: "cooper", version: 51 }),
  async *lines() {
    yield { aux: { ID: `sha256:${"a".repeat(64)}` } };
  },
} as unknown as Client;

const image = {
  kind: "image",
  names: [],
  pushes: false,
  isByDigest: false,
  compression: { format: null, level: null, isForced: false },
} as const;

const provenance = {
  mode: "min",
  version: "v1",
  builderId: "",
  isReproducible: false,
} as const;

/** What `cooper build .` asks for. */
const plain = {
  file: null,
  ignoreFile: null,
  tags: [],
  target: null,
  buildArgs: {},
  labels: {},
  annotations: [],
  platforms: [],
  manifest: null,
  squash: "none",
  usesCache: true,
  cacheMaxAgeMs: null,
  cacheFrom: [],
  cacheTo: [],
  attestations: { sbom: false, provenance: null },
  withoutCache: [],
  pull: "missing",
  fetch: {},
  network: "default",
  allowed: [],
  secrets: [],
  template: emptySpec(),
  contexts: {},
  outputs: [image],
  metadataFile: null,
  agents: [],
  mayAsk: false,
  jobs: 4,
  epoch: null,
  family: "docker",
  iidFile: null,
} as const;

async function built(asked: Partial<BuildOptions>) {
  const directory = mkdtempSync(join(tmpdir(), "cooper-build-"));
  try {
    writeFileSync(join(directory, "Dockerfile"), "FROM scratch\n");
    return await buildElsewhere(engine, {
      context: directory,
      ...plain,
      ...asked,
    } as unknown as BuildOptions);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

test("a plain build goes elsewhere", async () => {
  expect(await built({})).toEqual({ id: "a".repeat(64) });
});

test.each<[string, Partial<BuildOptions>]>([
  ["--provenance", { attestations: { sbom: false, provenance } }],
  ["--authfile", { fetch: { authFile: "/x" } }],
  ["--cache-from", { cacheFrom: [{ kind: "registry", names: ["example.com/c"] }] }],
  ["--cache-to", { cacheTo: [{ kind: "inline" }] }],
  ["--sbom", { attestations: { sbom: true, provenance: null } }],
  ["--push", { outputs: [{ ...image, pushes: true }] }],
  ["--output with a name", { outputs: [{ ...image, names: ["example.com/a"] }] }],
  ["--creds", { fetch: { credentials: { username: "a", password: "b" } } }],
  ["--tls-verify", { fetch: { tlsVerify: false } }],
  ["--ignorefile", { context: "https://example.com/a.git", ignoreFile: "x" }],
])("%s is refused, and not left out", async (what, asked) => {
  await expect(built(asked)).rejects.toThrow(what);
});
