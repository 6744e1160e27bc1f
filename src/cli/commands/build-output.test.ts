import { describe, expect, test } from "bun:test";
import { fieldsOf, outputsOf } from "./build-output.ts";

test.each([
  ["type=local,dest=a", ["type=local", "dest=a"]],
  ['type=image,"name=a,b",push=true', ["type=image", "name=a,b", "push=true"]],
  ['"a=""b"""', ['a="b"']],
])("fieldsOf() takes %s apart", (text, expected) => {
  expect(fieldsOf(text)).toEqual(expected);
});

describe("outputsOf()", () => {
  const kinds = (texts: string[], how: { push?: boolean; load?: boolean }) =>
    outputsOf(texts, how).map((output) =>
      output.kind === "image" && output.pushes ? "pushed" : output.kind,
    );

  test.each([
    ["nothing", [], {}, []],
    ["a directory", ["out"], {}, ["local"]],
    ["standard output", ["-"], {}, ["tar"]],
    ["--push alone", [], { push: true }, ["pushed"]],
    ["--push with files", ["out"], { push: true }, ["local", "pushed"]],
    ["--push with an image", ["type=image"], { push: true }, ["pushed"]],
    ["--load with files", ["out"], { load: true }, ["local", "image"]],
    ["a registry", ["type=registry,name=a/b"], {}, ["pushed"]],
  ] as const)("%s", (_, texts, how, expected) => {
    expect(kinds([...texts], how)).toEqual([...expected]);
  });

  test.each([
    ["type=s3,dest=a", "the type s3 is not supported"],
    ["type=image,bucket=a", "bucket is not supported"],
    ["type=image,push=maybe", "push=maybe is neither true nor false"],
    ["type=image,compression=estargz", "the compression estargz is not supported"],
    ["type=tar", "dest is required"],
  ])("refuses %s", (text, why) => {
    expect(() => outputsOf([text], {})).toThrow(why);
  });
});
