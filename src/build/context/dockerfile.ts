/** Where the Dockerfile is, and the ignore file that goes with it. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { CooperError, errnoName } from "../../errors.ts";
import { readInRoot } from "../../system/rooted.ts";
import { type IgnoreRules, parseIgnore } from "../ignore.ts";
import type { BuildSession } from "../session.ts";
import { openWebFile } from "./remote.ts";

/** What was read, and what the user calls it. */
export interface DockerfileText {
  readonly name: string;
  readonly text: string;
}

const usualNames = ["Dockerfile", "Containerfile", "dockerfile"];
/** No Dockerfile or ignore file is larger. */
export const maxFileBytes = 8 << 20;

/** What -f gives by itself, whatever the context is: standard input, or a URL; null: it is a name. */
export async function givenDockerfile(
  session: BuildSession,
  {
    file,
    dockerfileText = null,
  }: { readonly file: string | null; readonly dockerfileText?: string | null },
): Promise<DockerfileText | null> {
  if (dockerfileText !== null) return { name: "Dockerfile", text: dockerfileText };
  if (file === "-") return { name: "stdin", text: readFileSync(0, "utf8") };
  if (file === null || !/^https?:\/\//i.test(file)) return null;
  const { file: path } = await openWebFile(session, file, "Dockerfile");
  return { name: "Dockerfile", text: readText(path) };
}

/** In a directory of the user's, or wherever else it is named. */
export function findDockerfile(
  root: string,
  file: string | null,
): DockerfileText & { readonly path: string } {
  const candidates =
    file === null ? usualNames.map((name) => join(root, name)) : [resolve(file), join(root, file)];
  const path = candidates.find((candidate) => existsSync(candidate));
  if (path === undefined) throw noDockerfile(file ?? "Dockerfile", root);
  return { name: file ?? basename(path), text: readText(path), path };
}

/** A file that people write by hand. */
export function readText(path: string): string {
  const stats = statSync(path);
  if (stats.isDirectory())
    throw new CooperError("invalid-argument", `${path} is a directory, and no Dockerfile`);
  if (stats.size > maxFileBytes)
    throw new CooperError("invalid-argument", `${path} is larger than ${maxFileBytes >> 20} MiB`);
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new CooperError("permission-denied", `cannot read ${path}: ${errnoName(cause)}`, {
      cause,
    });
  }
}

function noDockerfile(name: string, where: string): CooperError {
  return new CooperError(
    "no-such-object",
    `failed to read dockerfile: open ${name}: no such file or directory in ${where}`,
    { hint: "name it with --file" },
  );
}

/** What the Dockerfile's own file says goes before that of the context. */
export function ignoreOf(
  ignoreFile: string | null,
  root: string,
  dockerfile: string | null,
): IgnoreRules | null {
  if (ignoreFile !== null) return parseIgnore(readText(ignoreFile), ignoreFile);
  const candidates = [
    ...(dockerfile === null ? [] : [`${dockerfile}.dockerignore`, `${dockerfile}.containerignore`]),
    join(root, ".dockerignore"),
    join(root, ".containerignore"),
  ];
  const path = candidates.find((candidate) => existsSync(candidate));
  if (path === undefined) return null;
  const inside =
    dirname(path) === root ? readInRoot(root, basename(path), maxFileBytes) : readText(path);
  return inside === undefined ? null : parseIgnore(inside, basename(path));
}

interface InsideRequest {
  /** Wins over what is in there. */
  readonly given: DockerfileText | null;
  readonly file: string | null;
  readonly ignoreFile: string | null;
  readonly hidden: readonly string[];
  /** What the user calls the tree. */
  readonly shown: string;
}

/** In a tree that a stranger made: no link leads out of it. */
export function dockerfileInside(
  root: string,
  { given, file, ignoreFile, hidden, shown }: InsideRequest,
): { readonly dockerfile: DockerfileText; readonly ignore: IgnoreRules } {
  const names = file === null ? usualNames : [file];
  const found = names.flatMap((name): DockerfileText[] => {
    const text = given === null ? readInRoot(root, name, maxFileBytes) : undefined;
    return text === undefined ? [] : [{ name, text }];
  });
  const dockerfile = given ?? found[0];
  if (dockerfile === undefined) throw noDockerfile(names[0] ?? "Dockerfile", shown);
  if (ignoreFile !== null)
    return {
      dockerfile,
      ignore: parseIgnore(withHidden(readText(ignoreFile), hidden, file), ignoreFile),
    };
  const { name } = dockerfile;
  const own = given === null ? [`${name}.dockerignore`, `${name}.containerignore`] : [];
  for (const candidate of [...own, ".dockerignore", ".containerignore"]) {
    const rules = readInRoot(root, candidate, maxFileBytes);
    if (rules !== undefined)
      return { dockerfile, ignore: parseIgnore(withHidden(rules, hidden, file), candidate) };
  }
  return { dockerfile, ignore: parseIgnore(withHidden("", hidden, file), "") };
}

/**
 * Podman's client sends what is not of the context under its whole path, besides: a Dockerfile from
 * elsewhere, and secrets. The last rule decides.
 */
function withHidden(rules: string, hidden: readonly string[], file: string | null): string {
  const patterns = hidden.map((name) => `**/${literal(name)}`);
  if (file?.startsWith("/")) patterns.push(literal(file));
  return [rules, ...patterns].join("\n");
}

const literal = (name: string) => name.replace(/[\\*?[]/g, "\\$&");
