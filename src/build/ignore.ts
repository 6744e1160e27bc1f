/** Ignore files: which paths of a context are not part of it (Dockerfile reference, ".dockerignore file"). */
import { posix } from "node:path";
import { CooperError } from "../errors.ts";
import { type Glob, matchesGlob, parseGlob } from "./glob.ts";

/** Patterns in their order: the last one that fits a path, or a directory above it, decides. */
export interface IgnoreRules {
  readonly rules: readonly { readonly glob: Glob; readonly isException: boolean }[];
  readonly hasExceptions: boolean;
}

/** Nobody writes so many by hand. */
const maxRules = 10_000;

/** Reads an ignore file. @param name as the user knows it, for errors */
export function parseIgnore(text: string, name: string): IgnoreRules {
  const lines = text.replace(/^\ufeff/, "").split(/\r?\n/);
  const rules = lines.flatMap((line, index) => {
    const typed = line.startsWith("#") ? "" : line.trim();
    if (typed === "") return [];
    const isException = typed.startsWith("!");
    const pattern = clean(isException ? typed.slice(1).trim() : typed);
    if (pattern === "" || pattern === ".") return [];
    try {
      return [{ glob: parseGlob(pattern), isException }];
    } catch (cause) {
      throw new CooperError(
        "invalid-argument",
        `${name}:${index + 1}: illegal exclusion pattern: ${JSON.stringify(typed.slice(0, 80))}`,
        { cause },
      );
    }
  });
  if (rules.length > maxRules)
    throw new CooperError("invalid-argument", `${name} has more than ${maxRules} patterns`);
  return { rules, hasExceptions: rules.some(({ isException }) => isException) };
}

/** Without dots, doubled slashes, and those at its ends. */
function clean(pattern: string): string {
  return posix
    .normalize(pattern)
    .replace(/^(?:\.\.\/)+/, "")
    .replace(/^\/+|\/+$/g, "");
}

/** Which rules fit a path, or a directory above it: one place for each rule. */
export type RuleMatches = readonly boolean[];

/**
 * Whether a path (without a slash at its ends) is left out, and what that says to those below it. What is
 * in a directory that is left out is too, unless a later exception names it.
 *
 * @param above of the directory that it is in; undefined at the top
 */
export function matchRules(
  { rules }: IgnoreRules,
  path: string,
  above: RuleMatches | undefined,
): { readonly isIgnored: boolean; readonly matches: RuleMatches } {
  const matches = rules.map(
    ({ glob }, index) => above?.[index] === true || matchesGlob(glob, path),
  );
  const last = matches.lastIndexOf(true);
  return { isIgnored: last >= 0 && rules[last]?.isException === false, matches };
}

/** As matchRules(), for a path on its own. */
export function isIgnored(ignore: IgnoreRules, path: string): boolean {
  let above: RuleMatches | undefined;
  let ignored = false;
  const parts = path.split("/");
  for (let length = 1; length <= parts.length; length++) {
    const { isIgnored: now, matches } = matchRules(ignore, parts.slice(0, length).join("/"), above);
    above = matches;
    ignored = now;
  }
  return ignored;
}
