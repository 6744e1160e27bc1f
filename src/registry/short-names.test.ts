import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { parseName } from "../oci/reference.ts";
import {
  loadRegistriesConf,
  type RegistriesConf,
  rememberedAliasesFile,
} from "./registries-conf.ts";
import { assertMayGuess, meaningsOf, rememberAlias } from "./short-names.ts";

const root = mkdtempSync("/tmp/cooper-short-");
afterAll(() => rmSync(root, { recursive: true, force: true }));

const conf: RegistriesConf = {
  searchRegistries: ["quay.io", "docker.io"],
  aliases: new Map([["tool", "ghcr.io/team/tool"]]),
  entries: [],
  shortNameMode: "enforcing",
  credentialHelpers: [],
};
const meanings = (name: string, change: Partial<RegistriesConf> = {}) =>
  meaningsOf({ ...conf, ...change }, parseName(name));
const texts = (name: string, change?: Partial<RegistriesConf>) =>
  meanings(name, change).references.map(
    (each) => `${each.registry}/${each.repository}:${each.tag}`,
  );

describe("meaningsOf()", () => {
  test.each<[string, string[], boolean]>([
    ["example.com/x:1", ["example.com/x:1"], false],
    ["tool:2", ["ghcr.io/team/tool:2"], false],
    ["app:1", ["quay.io/app:1", "docker.io/library/app:1"], true],
  ])("%s", (name, expected, isOpen) => {
    expect(texts(name)).toEqual(expected);
    expect(meanings(name).isOpen).toBe(isOpen);
  });

  test("one registry leaves nothing open, nor does the mode disabled", () => {
    expect(meanings("app", { searchRegistries: ["quay.io"] }).isOpen).toBe(false);
    expect(meanings("app", { shortNameMode: "disabled" }).isOpen).toBe(false);
  });
});

test("assertMayGuess() refuses in the mode enforcing alone", () => {
  const open = meanings("app");
  expect(() => assertMayGuess(conf, "app", open)).toThrow("may mean several images");
  expect(() => assertMayGuess({ ...conf, shortNameMode: "permissive" }, "app", open)).not.toThrow();
});

test("rememberAlias() is read again, and wins", async () => {
  const file = rememberedAliasesFile({}, false, root) ?? "";
  await rememberAlias(file, "app", "quay.io/app");
  await rememberAlias(file, "other", "docker.io/library/other");
  await rememberAlias(file, "app", "docker.io/library/app");
  expect([...loadRegistriesConf({}, false, root).aliases]).toEqual([
    ["app", "docker.io/library/app"],
    ["other", "docker.io/library/other"],
  ]);
  expect(rememberedAliasesFile({ HOME: "/h" }, true)).toBe(
    join("/h/.cache/containers/short-name-aliases.conf"),
  );
});
