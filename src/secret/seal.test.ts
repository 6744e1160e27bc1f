import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { checkDriver } from "./driver.ts";
import { ensureKey, seal, secretKeyFile, unseal } from "./seal.ts";

let directory: string;
let file: string;
beforeEach(() => {
  directory = mkdtempSync("/tmp/key-");
  file = join(directory, "cooper", "secret.key");
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

describe("ensureKey()", () => {
  test("makes a key once, for its owner alone", () => {
    const key = ensureKey(file);
    expect(key).toHaveLength(32);
    expect(ensureKey(file)).toEqual(key);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  test("refuses a key that others can read", () => {
    ensureKey(file);
    chmodSync(file, 0o644);
    expect(() => ensureKey(file)).toThrow("open to others");
  });

  test("refuses what is no key", () => {
    ensureKey(file);
    writeFileSync(file, "short");
    expect(() => ensureKey(file)).toThrow("is no key");
  });
});

describe("unseal()", () => {
  const key = Buffer.alloc(32, 1);
  const bytes = Buffer.from("hush\0hush");

  test("gives back what was sealed, which shows nowhere in it", () => {
    const sealed = seal(key, "id", bytes);
    expect(Buffer.from(sealed).includes("hush")).toBe(false);
    expect(unseal(key, "id", sealed)).toEqual(bytes);
    expect(seal(key, "id", bytes)).not.toEqual(sealed);
  });

  test.each([
    {
      what: "another key",
      open: (sealed: Uint8Array) => unseal(Buffer.alloc(32, 2), "id", sealed),
    },
    { what: "another secret", open: (sealed: Uint8Array) => unseal(key, "other", sealed) },
    {
      what: "altered bytes",
      open: (sealed: Uint8Array) =>
        unseal(
          key,
          "id",
          sealed.map((byte, at) => (at === sealed.length - 1 ? byte ^ 1 : byte)),
        ),
    },
    { what: "cut bytes", open: (sealed: Uint8Array) => unseal(key, "id", sealed.subarray(0, 10)) },
    {
      what: "another format",
      open: (sealed: Uint8Array) =>
        unseal(
          key,
          "id",
          sealed.map((byte, at) => (at === 0 ? 9 : byte)),
        ),
    },
  ])("refuses $what", ({ open }) => {
    expect(() => open(seal(key, "id", bytes))).toThrow("sealed with another key");
  });
});

test.each([
  [{ COOPER_SECRET_KEY_FILE: "/k" }, true, "/k"],
  [{}, false, "/etc/cooper/secret.key"],
  [{ HOME: "/home/u" }, true, "/home/u/.config/cooper/secret.key"],
  [{ HOME: "/home/u", XDG_CONFIG_HOME: "/c" }, true, "/c/cooper/secret.key"],
] as const)("secretKeyFile(%p, %p) is %s", (env, isRootless, expected) => {
  expect(secretKeyFile(env, isRootless)).toBe(expected);
});

test.each([
  ["file", { x: "1" }, 'no option "x"'],
  ["pass", {}, 'needs the option "key"'],
  ["shell", { lookup: "x", store: "x" }, 'needs the option "delete"'],
] as const)("checkDriver(%s, %p) refuses", (driver, options, why) => {
  expect(() => checkDriver(driver, options as Record<string, string>)).toThrow(why);
});
