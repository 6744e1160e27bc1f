import { describe, expect, test } from "bun:test";
import { attestationsOf } from "./build-attest.ts";

const min = { mode: "min", version: "v1", builderId: "", isReproducible: false };

describe("attestationsOf()", () => {
  test.each([
    ["nothing", { attest: [] }, { sbom: false, provenance: null }],
    ["--sbom=true", { attest: [], sbom: "true" }, { sbom: true, provenance: null }],
    ["--attest type=sbom", { attest: ["type=sbom"] }, { sbom: true, provenance: null }],
    ["--provenance=true", { attest: [], provenance: "true" }, { sbom: false, provenance: min }],
    [
      "--provenance=max",
      { attest: [], provenance: "max" },
      { sbom: false, provenance: { ...min, mode: "max" } },
    ],
    [
      "all of its words",
      {
        attest: ["type=provenance,mode=max,version=v0.2,builder-id=https://x/1,reproducible=true"],
      },
      {
        sbom: false,
        provenance: {
          mode: "max",
          version: "v0.2",
          builderId: "https://x/1",
          isReproducible: true,
        },
      },
    ],
    [
      "the last one",
      { attest: ["type=provenance"], provenance: "false", sbom: "false" },
      { sbom: false, provenance: null },
    ],
  ] as const)("%s", (_, words, expected) => {
    expect<unknown>(attestationsOf(words)).toEqual(expected);
  });

  test.each([
    [{ attest: [], sbom: "syft" }, "--sbom syft is not supported"],
    [{ attest: [], sbom: "generator=x" }, "generator is not supported"],
    [{ attest: ["type=log"] }, "log is no type of attestation"],
    [{ attest: [], provenance: "mode=all" }, "neither min nor max"],
    [{ attest: [], provenance: "version=v2" }, "there are the versions"],
  ])("refuses %p", (words, why) => {
    expect(() => attestationsOf(words)).toThrow(why);
  });
});
