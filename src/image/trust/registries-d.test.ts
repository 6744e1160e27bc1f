import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Reference } from "../../oci/reference.ts";
import { loadRegistriesD, lookasideOf, usesAttachments } from "./registries-d.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync("/tmp/cooper-places-");
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const load = (files: Record<string, string>, isRootless = false) => {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return loadRegistriesD({ HOME: join(root, "home") }, isRootless, root);
};
const image: Reference = { registry: "quay.io", repository: "team/app", tag: "1", digest: null };
const system = "etc/containers/registries.d";
const own = "home/.config/containers/registries.d";

test("without files signatures are where Podman has them", () => {
  expect(lookasideOf(load({}), image, "read")).toBe("file:///var/lib/containers/sigstore");
  expect(lookasideOf(load({}, true), image, "write")).toBe(
    `file://${root}/home/.local/share/containers/sigstore`,
  );
  expect(usesAttachments(load({}), image)).toBe(false);
});

test.each<[string, string, "read" | "write", string]>([
  ["the default", "default-docker:\n  lookaside: http://d", "read", "http://d"],
  ["the old words", "default-docker:\n  sigstore: http://d", "read", "http://d"],
  [
    "reading",
    "default-docker: {lookaside: http://d, lookaside-staging: file:///s}",
    "read",
    "http://d",
  ],
  [
    "writing",
    "default-docker: {lookaside: http://d, lookaside-staging: file:///s}",
    "write",
    "file:///s",
  ],
  [
    "writing where nothing else is said",
    "default-docker: {lookaside: file:///d}",
    "write",
    "file:///d",
  ],
  [
    "the most specific",
    "docker:\n  quay.io: {lookaside: http://r}\n  quay.io/team: {lookaside: http://t}\n  quay.io/te: {lookaside: http://x}",
    "read",
    "http://t",
  ],
  ["a domain", 'docker:\n  "*.io": {lookaside: http://io}', "read", "http://io"],
  [
    "a place that says nothing of it",
    "default-docker: {lookaside: http://d}\ndocker:\n  quay.io: {use-sigstore-attachments: true}",
    "read",
    "http://d",
  ],
])("lookasideOf(): %s", (_, text, purpose, expected) => {
  expect(lookasideOf(load({ [`${system}/a.yaml`]: text }), image, purpose)).toBe(expected);
});

test("usesAttachments(): the most specific that says so", () => {
  const text =
    "default-docker: {use-sigstore-attachments: true}\ndocker:\n  quay.io/team: {use-sigstore-attachments: false}";
  const conf = load({ [`${system}/a.yaml`]: text });
  expect(usesAttachments(conf, image)).toBe(false);
  expect(usesAttachments(conf, { ...image, repository: "other/app" })).toBe(true);
});

test("one's own directory stands for the system's, and only YAML is read", () => {
  const conf = load({
    [`${system}/a.yaml`]: "default-docker: {lookaside: http://system}",
    [`${own}/a.yaml`]: "default-docker: {lookaside: http://own}",
    [`${own}/a.yaml.bak`]: "default-docker: {lookaside: http://old}",
  });
  expect(lookasideOf(conf, image, "read")).toBe("http://own");
});

test.each([
  [{ "a.yaml": "default-docker: {}", "b.yaml": "default-docker: {}" }, "both say"],
  [{ "a.yaml": "docker: {q.io: {}}", "b.yaml": "docker: {q.io: {}}" }, "both say"],
  [{ "a.yaml": "default-docker: [" }, "not valid YAML"],
  [{ "a.yaml": "- list" }, "where a table belongs"],
])("loadRegistriesD() refuses %p", (files, why) => {
  const placed = Object.entries(files).map(([name, text]) => [`${system}/${name}`, text]);
  expect(() => load(Object.fromEntries(placed))).toThrow(why);
});
