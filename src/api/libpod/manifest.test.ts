import { expect, test } from "bun:test";
import { Document } from "../document.ts";
import { annotationsOf, entryChange, listChange } from "./manifest.ts";

test("entryChange() of what an old and a new client send", () => {
  const old = {
    Operation: "update",
    All: false,
    Annotations: { a: "b" },
    Arch: "arm64",
    Features: null,
    OS: "",
    os_features: ["x"],
    os_version: "7",
    Variant: "v8",
  };
  expect(entryChange(new Document(old))).toEqual({
    platform: { architecture: "arm64", variant: "v8", osVersion: "7", osFeatures: ["x"] },
    annotations: { a: "b" },
  });
  const body = new Document({ annotation: ["a=b=c"], annotations: null, arch: "" });
  expect(entryChange(body)).toEqual({ platform: {}, annotations: { a: "b=c" } });
});

test("listChange() is nothing where nothing of the list is asked", () => {
  expect(listChange(new Document({ annotation: ["a=b"] }))).toBeUndefined();
  expect(listChange(new Document({ subject: "x", index_annotation: ["a=b"] }))).toEqual({
    annotations: { a: "b" },
    subject: "x",
  });
});

test("annotationsOf() refuses what is no pair", () => {
  expect(() => annotationsOf(["x"], {})).toThrow("invalid annotation x: it is KEY=VALUE");
});
