/** Go's text/template as docker and podman offer it for `--format`. */
import type { Tree } from "./ast.ts";
import { evaluate } from "./evaluate.ts";
import { functions } from "./functions.ts";
import type { LexOptions } from "./lex.ts";
import { parse } from "./parse.ts";

export interface RenderOptions {
  /**
   * What a field that the data lacks means. "error", the default, treats the data itself (when it is
   * a list, its items) as records, whose fields are all known, so that a typing mistake is told.
   * Objects further in are maps either way: a missing key of one is "<no value>".
   */
  readonly missing?: "error" | "noValue";
}

/** A template that is free of syntax errors. */
export interface Template {
  readonly tree: Tree;
  /**
   * The text for `data`, a JSON-like value. Fields may be own getters: they are read only where the
   * template names them. Throws a CooperError ("invalid-argument") when evaluation fails, and passes
   * on the code of an error thrown by a getter inside of a function call.
   */
  render(data: unknown, options?: RenderOptions): string;
}

/**
 * Parses `text`; a syntax error is a CooperError ("invalid-argument"). Hostile templates are safe to
 * render: they reach own properties only, and depth, steps and output are bounded.
 */
export function compileTemplate(text: string, options: LexOptions = {}): Template {
  const tree = parse(text, (name) => functions.has(name), options);
  return {
    tree,
    render: (data, { missing = "error" } = {}) =>
      evaluate(text, tree, data, missing === "error" ? recordsIn(data) : new Set()),
  };
}

function recordsIn(data: unknown): ReadonlySet<unknown> {
  return new Set(Array.isArray(data) ? data : [data]);
}
