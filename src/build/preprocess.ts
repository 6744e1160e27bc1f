/** `Containerfile.in`: a Dockerfile that goes through the C preprocessor first, as buildah has it. */
import { statSync } from "node:fs";
import { resolve } from "node:path";
import { CooperError } from "../errors.ts";
import { findProgram } from "../system/program.ts";

const maxOutputBytes = 8 << 20;

/**
 * A Dockerfile's text, as cpp makes it of one whose name ends with `.in`.
 *
 * @throws CooperError that has cpp's own words
 */
export function dockerfileText(
  { name, text }: { readonly name: string; readonly text: string },
  { context, cppFlags = [] }: { readonly context: string; readonly cppFlags?: readonly string[] },
): string {
  if (!name.endsWith(".in")) return text;
  // what is included may be anywhere, so it is a matter of whose files these are
  if (statSync(context, { throwIfNoEntry: false })?.isDirectory() !== true)
    throw new CooperError("not-supported", `${name} goes through cpp in directories alone`, {
      hint: "fetch the context first, and name its directory",
    });
  return preprocess(name, text, resolve(context), cppFlags);
}

/** @param directory where `#include "…"` looks */
function preprocess(
  name: string,
  text: string,
  directory: string,
  flags: readonly string[],
): string {
  const program = findProgram("cpp");
  if (program === undefined)
    throw new CooperError("not-supported", `${name} needs cpp, which is not installed`, {
      hint: "Debian: apt-get install cpp",
    });
  const argv = [program, "-E", "-iquote", directory, "-traditional", "-undef", "-", ...flags];
  const ran = Bun.spawnSync(argv, {
    stdin: Buffer.from(text),
    stdout: "pipe",
    stderr: "pipe",
    maxBuffer: maxOutputBytes,
  });
  if (ran.exitCode !== 0)
    throw new CooperError("invalid-argument", `${name}: cpp: ${ran.stderr.toString().trim()}`);
  return withoutMarkers(ran.stdout.toString());
}

/** Lines that only say which line of which file follows; directives stand at the very beginning. */
const withoutMarkers = (text: string) =>
  text
    .split("\n")
    .filter((line) => !/^# \d+ "/.test(line))
    .join("\n")
    .replace(/^\s*\n/, "");
