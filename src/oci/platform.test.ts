import { expect, test } from "bun:test";
import { choosePlatform, parsePlatform } from "./platform.ts";

const entries = (...texts: (string | null)[]) =>
  texts.map((text) => {
    if (text === null) return { text, platform: null };
    const [os = "", architecture = "", variant = ""] = text.split("/");
    return { text, platform: { os, architecture, variant } };
  });

test.each([
  ["linux/amd64", ["linux/arm64", "linux/amd64"], "linux/amd64"],
  ["linux/arm64", ["linux/arm64/v8", "linux/amd64"], "linux/arm64/v8"],
  ["linux/arm64/v8", ["linux/arm64"], "linux/arm64"],
  ["aarch64", ["linux/arm64"], "linux/arm64"],
  ["linux/arm", ["linux/arm/v5", "linux/arm/v7"], "linux/arm/v7"],
  ["linux/arm", ["linux/arm/v5", "linux/arm/v6"], "linux/arm/v6"],
  ["linux/arm/v6", ["linux/arm/v6", "linux/arm/v7"], "linux/arm/v6"],
  ["linux/amd64/v3", ["linux/amd64"], "linux/amd64"],
  ["linux/amd64", ["unknown/unknown", "linux/amd64"], "linux/amd64"],
  ["windows/amd64", ["linux/amd64", "windows/amd64"], "windows/amd64"],
  ["linux/amd64", [null], null],
])("choosePlatform(%s) among %p", (wanted, offered, expected) => {
  expect(choosePlatform(entries(...offered), parsePlatform(wanted), "x").text).toBe(expected);
});

test.each([
  ["linux/riscv64", ["linux/amd64", "linux/arm64"]],
  ["linux/amd64", []],
  ["linux/amd64", ["unknown/unknown"]],
  ["linux/arm/v5", ["linux/arm/v7"]],
  ["linux/amd64", [null, null]],
])("choosePlatform(%s) among %p is an error", (wanted, offered) => {
  expect(() => choosePlatform(entries(...offered), parsePlatform(wanted), "x")).toThrow(
    "x has no image for",
  );
});

test.each(["a/b/c/d", "linux/", "linux/am d64", "/"])("parsePlatform(%p) is refused", (text) => {
  expect(() => parsePlatform(text)).toThrow("invalid platform");
});
