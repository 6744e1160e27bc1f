import { describe, expect, test } from "bun:test";
import { readHead } from "./program-head.ts";

/** An ELF header with one program header that names a loader. */
function elf({ machine = 62, is64 = true, isLittle = true, loader = "" }): Buffer {
  const bytes = Buffer.alloc(256);
  bytes.write("\x7fELF", 0, "latin1");
  bytes[4] = is64 ? 2 : 1;
  bytes[5] = isLittle ? 1 : 2;
  const put = (value: number, at: number, size: 2 | 4 | 8) => {
    const start = isLittle ? at : at + Math.max(0, size - 4);
    if (isLittle) bytes.writeUIntLE(value, start, Math.min(size, 4));
    else bytes.writeUIntBE(value, start, Math.min(size, 4));
  };
  put(machine, 18, 2);
  put(64, is64 ? 32 : 28, is64 ? 8 : 4);
  put(56, is64 ? 54 : 42, 2);
  put(loader === "" ? 0 : 1, is64 ? 56 : 44, 2);
  put(3, 64, 4);
  put(160, 64 + (is64 ? 8 : 4), is64 ? 8 : 4);
  put(loader.length + 1, 64 + (is64 ? 32 : 16), is64 ? 8 : 4);
  bytes.write(loader, 160, "latin1");
  return bytes;
}

describe("readHead()", () => {
  test.each([
    { title: "nothing", bytes: "", head: { kind: "empty" } },
    { title: "text", bytes: "echo hello\n", head: { kind: "text" } },
    { title: "data", bytes: "a\0b", head: { kind: "data" } },
    {
      title: "a script",
      bytes: "#!/bin/sh\n",
      head: { kind: "script", interpreter: "/bin/sh", argument: "", hasCarriageReturn: false },
    },
    {
      title: "a script with an argument and blanks",
      bytes: "#! /usr/bin/env  -S python3 -u \nx",
      head: { kind: "script", interpreter: "/usr/bin/env", argument: "-S python3 -u" },
    },
    {
      title: "a script of Windows",
      bytes: "#!/bin/bash\r\necho\r\n",
      head: { kind: "script", interpreter: "/bin/bash", hasCarriageReturn: true },
    },
    { title: "a first line without end", bytes: `#!${"x".repeat(9000)}`, head: { kind: "script" } },
  ])("knows $title", ({ bytes, head }) => {
    expect(readHead(Buffer.from(bytes))).toMatchObject(head);
  });

  test.each([
    { machine: 62, architecture: "amd64" },
    { machine: 183, architecture: "arm64" },
    { machine: 3, is64: false, architecture: "386" },
    { machine: 22, isLittle: false, architecture: "s390x" },
    { machine: 60_000, architecture: "unknown" },
  ])("knows the machine $machine", ({ architecture, ...header }) => {
    expect(readHead(elf(header))).toEqual({ kind: "elf", architecture, loader: null });
    const loader = "/lib/ld.so";
    expect(readHead(elf({ ...header, loader }))).toEqual({ kind: "elf", architecture, loader });
  });

  test("bears headers that lie", () => {
    const bytes = elf({ loader: "/lib/ld.so" });
    for (let at = 4; at < 128; at++) {
      const wrong = Buffer.from(bytes);
      wrong[at] = 255;
      expect(readHead(wrong).kind).toBe("elf");
      expect(readHead(wrong.subarray(0, at)).kind).toBe("elf");
    }
  });
});
