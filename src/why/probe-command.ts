/** Looks for a program in a container's files, and at what it needs to run. */
import { posix } from "node:path";
import { nearest } from "../nearest.ts";
import { hostPlatform } from "../oci/platform.ts";
import { readBytesInRoot } from "../system/rooted.ts";
import type { CommandFacts, ElfFacts, PathFacts, ProgramFacts, ScriptFacts } from "./evidence.ts";
import { namesIn, placeOf, probePath, type Tree } from "./probe-path.ts";
import { headBytes, type ProgramHead, readHead } from "./program-head.ts";

/** Where programs are that no PATH leads to. */
const usualPlaces = [
  "/usr/local/bin",
  "/usr/local/sbin",
  "/usr/bin",
  "/usr/sbin",
  "/bin",
  "/sbin",
  "/opt/bin",
  "/opt",
  "/app",
  "/app/bin",
  "/",
];

/** Where and how a program is to be looked for. */
export interface Search {
  readonly tree: Tree;
  readonly path: readonly string[];
  readonly workdir: string;
}

/** Where a program of that name is, if it is anywhere. */
export function probeProgram({ tree, path, workdir }: Search, asked: string): ProgramFacts {
  const isFile = (file: string) => probePath(tree, file).kind === "file";
  if (asked.includes("/")) {
    const file = posix.resolve(workdir, asked);
    const kind = probePath(tree, file).kind;
    const name = posix.basename(file);
    return {
      asked,
      path: kind === "missing" ? null : file,
      elsewhere:
        kind === "missing"
          ? [...path, ...usualPlaces].map((at) => posix.join(at, name)).filter(isFile)
          : [],
      similar: kind === "missing" ? similarIn(tree, [posix.dirname(file)], name) : null,
    };
  }
  // execvp(3) passes over what it may not execute; the first file is the answer all the same
  const found = path.map((directory) => posix.join(directory, asked)).find(isFile) ?? null;
  if (found !== null) return { asked, path: found, elsewhere: [], similar: null };
  const others = [...new Set([workdir, ...usualPlaces])].filter((at) => !path.includes(at));
  return {
    asked,
    path: null,
    elsewhere: others.map((directory) => posix.join(directory, asked)).filter(isFile),
    similar: similarIn(tree, path, asked),
  };
}

function similarIn(tree: Tree, directories: readonly string[], name: string): string | null {
  const names = directories.flatMap((directory) => namesIn(tree, directory));
  return nearest(name, names) ?? null;
}

/** All that is to be known of the program that a container runs. */
export function probeCommand(search: Search, asked: string): CommandFacts {
  const program = probeProgram(search, asked);
  const { tree } = search;
  const shell = ["/bin/sh", "/bin/bash", "/bin/ash", "/usr/bin/sh"].find(
    (file) => probePath(tree, file).kind === "file",
  );
  const file = asked.includes("/")
    ? probePath(tree, posix.resolve(search.workdir, asked))
    : program.path === null
      ? null
      : probePath(tree, program.path);
  const head = file?.kind === "file" ? headOf(tree, file.path) : null;
  return {
    ...program,
    file,
    isEmpty: head?.kind === "empty",
    script: head?.kind === "script" ? scriptFacts(search, head) : null,
    elf: head?.kind === "elf" ? elfFacts(tree, head) : null,
    isText: head?.kind === "text",
    shell: shell ?? null,
  };
}

function headOf(tree: Tree, path: string): ProgramHead | null {
  const { root, within } = placeOf(tree, path);
  const bytes = readBytesInRoot(root, within, headBytes);
  return bytes === undefined ? null : readHead(bytes);
}

function scriptFacts(
  search: Search,
  { interpreter, argument, hasCarriageReturn }: Extract<ProgramHead, { kind: "script" }>,
): ScriptFacts {
  const isThere = probePath(search.tree, posix.resolve("/", interpreter)).kind === "file";
  const words = argument.split(/\s+/).filter((word) => word !== "" && !word.startsWith("-"));
  const envProgram = posix.basename(interpreter) === "env" ? (words[0] ?? null) : null;
  return {
    interpreter,
    hasCarriageReturn,
    isThere,
    envProgram,
    isEnvProgramThere: envProgram !== null && probeProgram(search, envProgram).path !== null,
  };
}

function elfFacts(
  tree: Tree,
  { architecture, loader }: Extract<ProgramHead, { kind: "elf" }>,
): ElfFacts {
  const own = hostPlatform().architecture;
  // what else these run natively: the kernel is built with support for 32 bits nearly everywhere
  const also: Record<string, string> = { amd64: "386", arm64: "arm" };
  return {
    architecture,
    isForHost: architecture === own || also[own] === architecture || architecture === "unknown",
    loader,
    isLoaderThere: loader !== null && probePath(tree, loader).kind === "file",
  };
}

/** The kinds of a path that a command could not be executed for. */
export function isBlocked(file: PathFacts): boolean {
  return file.denied !== null || !file.canExecute || file.kind !== "file";
}
