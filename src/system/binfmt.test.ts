import { describe, expect, test } from "bun:test";
import { emulatorAmong } from "./binfmt.ts";

/** As Debian's qemu-user-static registers it. */
const arm64 = (first = "enabled", flags = "F") =>
  `${first}
interpreter /usr/libexec/qemu-binfmt/aarch64-binfmt-P
flags: ${flags}
offset 0
magic 7f454c460201010000000000000000000200b700
mask ffffffffffffff00fffffffffffffffffeffffff
`;
const byExtension = "enabled\ninterpreter /usr/bin/wine\nflags: \nextension .exe\n";
const interpreter = "/usr/libexec/qemu-binfmt/aarch64-binfmt-P";

describe("emulatorAmong()", () => {
  test.each([
    ["one that is fixed", [byExtension, arm64()], "arm64", { kind: "emulated", interpreter }],
    ["one with more flags", [arm64("enabled", "POCF")], "arm64", { kind: "emulated", interpreter }],
    ["one that is looked up", [arm64("enabled", "P")], "arm64", { kind: "unfixed", interpreter }],
    [
      "the fixed one of two",
      [arm64("enabled", ""), arm64()],
      "arm64",
      { kind: "emulated", interpreter },
    ],
    ["one that is switched off", [arm64("disabled")], "arm64", { kind: "none" }],
    ["one for another processor", [arm64()], "s390x", { kind: "none" }],
    ["none", [], "arm64", { kind: "none" }],
    ["a processor that nobody knows", [arm64()], "vax", { kind: "unknown" }],
  ] as const)("%s", (_, texts, architecture, expected) => {
    expect(emulatorAmong(texts, architecture)).toEqual(expected);
  });
});
