/** Where COPY writes to: found within the tree, link by link, with what has to be made on the way. */
import { posix } from "node:path";
import { CooperError } from "../../errors.ts";
import type { OpenDirectory } from "../../system/tree-read.ts";

export interface Destination {
  /** Absolute within the tree, free of links as far as it is there. */
  readonly path: string;
  /** Directories of it that are not there yet, outermost first. */
  readonly missing: readonly string[];
  readonly is: "missing" | "file" | "directory";
}

/** As the kernel limits it (path_resolution(7)). */
const maxLinks = 40;

/**
 * Follows a path. What is missing is not made.
 *
 * @throws CooperError invalid-argument when there is a file where a directory must be
 */
export function findDestination(root: OpenDirectory, typed: string): Destination {
  let todo = partsOf(typed);
  let done: string[] = [];
  let links = 0;
  while (todo.length > 0) {
    const [name = "", ...rest] = todo;
    const found = lookAt(root, [...done, name]);
    if (found === undefined) return missingFrom(done, todo);
    if (found.kind === "link") {
      if (++links > maxLinks)
        throw new CooperError("invalid-argument", `${typed} leads through links that lead nowhere`);
      // `..` stops at the root, as it does for a process whose root this is
      todo = [...partsOf(posix.resolve(`/${done.join("/")}`, found.target)), ...rest];
      done = [];
    } else if (found.kind === "directory" || rest.length === 0) {
      done.push(name);
      todo = rest;
      if (found.kind === "file") return { path: pathOf(done), missing: [], is: "file" };
    } else
      throw new CooperError(
        "invalid-argument",
        `cannot copy to ${typed}: ${pathOf([...done, name])} is no directory`,
      );
  }
  return { path: pathOf(done), missing: [], is: "directory" };
}

const partsOf = (path: string) =>
  posix
    .resolve("/", path)
    .split("/")
    .filter((part) => part !== "");
const pathOf = (parts: readonly string[]) => `/${parts.join("/")}`;

function missingFrom(done: readonly string[], todo: readonly string[]): Destination {
  const parents = todo
    .slice(0, -1)
    .map((_, index) => pathOf([...done, ...todo.slice(0, index + 1)]));
  return { path: pathOf([...done, ...todo]), missing: parents, is: "missing" };
}

type Found =
  | { readonly kind: "directory" | "file" }
  | { readonly kind: "link"; readonly target: string };

/** All but the last part are directories, and were a moment ago: nobody else writes to this tree. */
function lookAt(root: OpenDirectory, parts: readonly string[]): Found | undefined {
  using stack = new DisposableStack();
  let at = root;
  const bytes = parts.map((part) => Buffer.from(part).toString("latin1"));
  for (const name of bytes.slice(0, -1)) {
    const next = at.enter(name);
    if (next === undefined) return undefined;
    at = stack.use(next);
  }
  const name = bytes.at(-1) ?? ".";
  const stats = at.look(name);
  if (stats === undefined) return undefined;
  if (!stats.isSymbolicLink()) return { kind: stats.isDirectory() ? "directory" : "file" };
  return { kind: "link", target: Buffer.from(at.readLink(name) ?? ".", "latin1").toString() };
}
