import { expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { configuredDriver } from "./storage-conf.ts";

const fuse = '[storage.options.overlay]\nmount_program = "/usr/bin/fuse-overlayfs"\n';

test.each([
  ["no file", undefined, null],
  ["what distributions write", '[storage]\ndriver = "overlay"\n', null],
  ["a copy", '[storage]\ndriver = "vfs"\n', "vfs"],
  ["a program that mounts", `[storage]\ndriver = "overlay"\n${fuse}`, "fuse-overlayfs"],
  ["a driver of Podman's own", '[storage]\ndriver = "btrfs"\n', null],
])("configuredDriver(): %s", (_, text, driver) => {
  const root = mkdtempSync("/tmp/cooper-conf-");
  try {
    mkdirSync(join(root, "etc/containers"), { recursive: true });
    if (text !== undefined) writeFileSync(join(root, "etc/containers/storage.conf"), text);
    expect(configuredDriver({ HOME: root }, true, root)).toBe(driver as "vfs");
    expect(configuredDriver({ HOME: root, STORAGE_DRIVER: "vfs" }, true, root)).toBe("vfs");
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
});

test("configuredDriver() refuses what is none", () => {
  expect(() => configuredDriver({ STORAGE_DRIVER: "zfs" }, false)).toThrow("STORAGE_DRIVER is zfs");
});
