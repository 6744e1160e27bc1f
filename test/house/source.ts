/** The project's own source files, read once for the laws of the house. */
import { readFileSync } from "node:fs";
import { dirname, join, normalize, resolve } from "node:path";

const project = resolve(import.meta.dir, "../..");

/** A source file: its path from the project's root, and its text. */
export interface Source {
  readonly path: string;
  readonly text: string;
}

/** What a file imports, from which line, and whether only types come along. */
export interface Import {
  readonly from: string;
  readonly to: string;
  readonly isTypeOnly: boolean;
  /** Loaded when its line is reached, not with the file. */
  readonly isDynamic: boolean;
}

/** All files that a pattern names, in order of their paths. */
export function sources(pattern: string): readonly Source[] {
  return [...new Bun.Glob(pattern).scanSync({ cwd: project })]
    .filter((path) => !path.startsWith("node_modules/"))
    .sort()
    .map((path) => ({ path, text: readFileSync(join(project, path), "utf8") }));
}

/** Whether it is the product's code: no test, and nothing made for tests. */
export function isProduct({ path }: Source): boolean {
  return !/\.(test|fixture)\.ts$|\.d\.ts$/.test(path);
}

/** The relative imports of a file, static and dynamic. */
export function importsOf({ path, text }: Source): readonly Import[] {
  const statements =
    /^(?:import|export)\s+(type\s)?[^;"']*?from\s+"(\.[^"]+)"|\bimport\("(\.[^"]+)"\)/gm;
  return [...text.matchAll(statements)].map((match) => ({
    from: path,
    to: normalize(join(dirname(path), match[2] ?? match[3] ?? "")),
    isTypeOnly: match[1] !== undefined,
    isDynamic: match[3] !== undefined,
  }));
}
