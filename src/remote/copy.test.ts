import { expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { tarEnd, tarHeader, tarPadding } from "../layer/tar-write.ts";
import type { Client } from "./client.ts";
import { copyElsewhere } from "./copy.ts";

/** An engine whose container has a directory `/a`, and that answers with a tar of its choice. */
function engineWith(tar: Uint8Array): Client {
  const stat = { name: "a", size: 0, mode: 2 ** 31 + 0o755, mtime: "", linkTarget: "" };
  const text = Buffer.from(JSON.stringify(stat)).toString("base64");
  return {
    async open(method: string) {
      const headers = new Map([["x-docker-container-path-stat", text]]);
      return { headers, body: method === "HEAD" ? [] : [tar] };
    },
  } as unknown as Client;
}

const file = (name: string, text: string) => [
  tarHeader({ name, type: "0", mode: 0o644, size: text.length }),
  Buffer.from(text),
  tarPadding(text.length),
];
const directory = (name: string) => tarHeader({ name, type: "5", mode: 0o755 });
const link = (name: string, linkName: string) =>
  tarHeader({ name, type: "2", mode: 0o777, linkName });

const options = {
  followsLink: false,
  keepsOwners: false,
  overwrites: false,
} as Parameters<typeof copyElsewhere>[3];

async function copied(parts: readonly Uint8Array[], look: (base: string) => void): Promise<void> {
  const base = mkdtempSync(join(tmpdir(), "cooper-copy-"));
  try {
    mkdirSync(join(base, "here"));
    mkdirSync(join(base, "there"));
    const engine = engineWith(Buffer.concat([...parts, tarEnd()]));
    const from = { kind: "container", container: "c", path: "/a" } as const;
    await copyElsewhere(engine, from, { kind: "host", path: join(base, "here") }, options).catch(
      () => 0, // refusing is right too
    );
    look(base);
  } finally {
    rmSync(base, { recursive: true, force: true });
  }
}

test("files come into the directory that was named", () =>
  copied([directory("a/"), ...file("a/f", "x")], (base) =>
    expect(readFileSync(join(base, "here/a/f"), "utf8")).toBe("x"),
  ));

test.each(["../../there", "../there"])(
  "no link to %s leads an engine's files out of it",
  (target) =>
    copied([directory("a/"), link("a/l", target), ...file("a/l/f", "x")], (base) =>
      expect(existsSync(join(base, "there/f"))).toBe(false),
    ),
);

test("nor does one in the place of the copy itself", () =>
  copied([link("a", "../there"), ...file("a/f", "x")], (base) =>
    expect(existsSync(join(base, "there/f"))).toBe(false),
  ));
