import { describe, expect, test } from "bun:test";
import { cacheSourceOf, cacheTargetOf } from "./build-shared-cache.ts";

const plain = {
  mode: "min" as const,
  ignoresErrors: false,
  compression: { format: null, level: null, isForced: false },
};

describe("cacheSourceOf()", () => {
  test.each([
    ["reg/a", { kind: "registry", names: ["reg/a:cooper-cache", "reg/a"] }],
    ["reg:5000/a:1", { kind: "registry", names: ["reg:5000/a:1"] }],
    ["type=registry,ref=reg/a:c", { kind: "registry", names: ["reg/a:c"] }],
    ["type=local,src=d", { kind: "local", directory: "d", tag: "latest", digest: null }],
    ["type=local,src=d,tag=t", { kind: "local", directory: "d", tag: "t", digest: null }],
  ] as const)("%s", (text, expected) => {
    expect<unknown>(cacheSourceOf(text)).toEqual(expected);
  });

  test.each([
    ["type=gha", "caches of the type gha are not supported"],
    ["type=s3,region=x", "caches of the type s3 are not supported"],
    ["type=local", "src is required"],
    ["type=registry,ref=a,x=y", "x is not supported"],
    ["type=other,src=a", "other is no type"],
  ])("refuses %s", (text, why) => {
    expect(() => cacheSourceOf(text)).toThrow(why);
  });
});

describe("cacheTargetOf()", () => {
  test.each([
    ["reg/a", { ...plain, kind: "registry", mode: "max", name: "reg/a:cooper-cache" }],
    ["type=registry,ref=reg/a:c", { ...plain, kind: "registry", name: "reg/a:c" }],
    ["type=inline", { kind: "inline" }],
    [
      "type=local,dest=d,mode=max,compression=zstd,ignore-error=true",
      {
        kind: "local",
        mode: "max",
        directory: "d",
        tag: "latest",
        ignoresErrors: true,
        compression: { ...plain.compression, format: "zstd" },
      },
    ],
  ] as const)("%s", (text, expected) => {
    expect<unknown>(cacheTargetOf(text)).toEqual(expected);
  });

  test.each([
    ["type=azblob,name=x", "caches of the type azblob are not supported"],
    ["type=registry,ref=a,mode=all", "neither min nor max"],
    ["type=registry,ref=a,image-manifest=false", "an OCI image manifest, always"],
    ["type=inline,mode=max", "mode is not supported"],
  ])("refuses %s", (text, why) => {
    expect(() => cacheTargetOf(text)).toThrow(why);
  });
});
