import { describe, expect, test } from "bun:test";
import { annotationsAt, parseAnnotation } from "./annotations.ts";

const arm64 = { os: "linux", architecture: "arm64", variant: "v8" };
const amd64 = { os: "linux", architecture: "amd64", variant: "" };

describe("parseAnnotation()", () => {
  test.each([
    ["a=b", [{ level: "manifest", platform: null, key: "a", value: "b" }]],
    ["a=b=c:d", [{ level: "manifest", platform: null, key: "a", value: "b=c:d" }]],
    ["alone", [{ level: "manifest", platform: null, key: "alone", value: "" }]],
    ["x:y=1", [{ level: "manifest", platform: null, key: "x:y", value: "1" }]],
    ["index:a=b", [{ level: "index", platform: null, key: "a", value: "b" }]],
    [
      "index,manifest:a=b",
      [
        { level: "index", platform: null, key: "a", value: "b" },
        { level: "manifest", platform: null, key: "a", value: "b" },
      ],
    ],
    [
      "manifest-descriptor[linux/arm64]:a=b",
      [{ level: "manifest-descriptor", platform: arm64, key: "a", value: "b" }],
    ],
  ] as const)("%s", (text, expected) => {
    expect(parseAnnotation(text)).toEqual([...expected]);
  });

  test.each(["=b", "index:=b", "index,other:a=b"])("refuses %s", (text) => {
    expect(() => parseAnnotation(text)).toThrow("invalid annotation");
  });
});

test("annotationsAt() takes those of the level, for all platforms or this one", () => {
  const all = ["a=1", "manifest[linux/arm64]:b=2", "index:c=3"].flatMap(parseAnnotation);
  expect(annotationsAt(all, "manifest", arm64)).toEqual({ a: "1", b: "2" });
  expect(annotationsAt(all, "manifest", amd64)).toEqual({ a: "1" });
  expect(annotationsAt(all, "index", null)).toEqual({ c: "3" });
});
