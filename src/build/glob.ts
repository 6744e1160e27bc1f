/**
 * Patterns for paths: `*` and `?` within a name, `[a-z]` classes, `**` over any number of directories
 * (Go's filepath.Match, with the addition that ignore files know). Matched state by state, so that no
 * pattern takes longer than its length times the path's.
 */

type Token =
  | { readonly kind: "char"; readonly char: string }
  | { readonly kind: "one" }
  | { readonly kind: "name" } // any number of characters of one name
  | { readonly kind: "path" } // any number of characters
  | { readonly kind: "directories" } // nothing, or anything that ends with a slash
  | {
      readonly kind: "class";
      readonly isNegated: boolean;
      readonly ranges: readonly (readonly [string, string])[];
    };

/** A pattern that has been read. */
export interface Glob {
  readonly tokens: readonly Token[];
  /** Much faster; only of a pattern with so few stars that it cannot take long. */
  readonly expression: RegExp | null;
}

/** Whether a path is more than a name to be looked up. */
export const hasGlob = (text: string) => /[*?[\\]/.test(text);

/** @throws Error when a class is not closed, or a backslash stands last */
export function parseGlob(text: string): Glob {
  const chars = [...text];
  const tokens: Token[] = [];
  for (let at = 0; at < chars.length; at++) {
    const char = chars[at] ?? "";
    if (char === "*" && chars[at + 1] === "*") {
      at++;
      while (chars[at + 1] === "*") at++;
      if (chars[at + 1] === "/") at++;
      tokens.push({ kind: at + 1 >= chars.length ? "path" : "directories" });
    } else if (char === "*") tokens.push({ kind: "name" });
    else if (char === "?") tokens.push({ kind: "one" });
    else if (char === "[") {
      const { token, end } = readClass(chars, at, text);
      tokens.push(token);
      at = end;
    } else if (char === "\\") {
      const escaped = chars[++at];
      if (escaped === undefined) throw new Error(`syntax error in pattern: ${text}`);
      tokens.push({ kind: "char", char: escaped });
    } else tokens.push({ kind: "char", char });
  }
  return { tokens, expression: expressionOf(tokens) };
}

/** With two stars, matching takes at most the path's length times that of one name. */
const maxStars = 2;

function expressionOf(tokens: readonly Token[]): RegExp | null {
  const isStar = ({ kind }: Token) => ["name", "path", "directories"].includes(kind);
  if (tokens.filter(isStar).length > maxStars) return null;
  return new RegExp(`^${tokens.map(sourceOf).join("")}$`, "su");
}

function sourceOf(token: Token): string {
  switch (token.kind) {
    case "char":
      return quoted(token.char);
    case "one":
      return "[^/]";
    case "name":
      return "[^/]*";
    case "path":
      return ".*";
    case "directories":
      return "(?:.*/)?";
    case "class": {
      const ranges = token.ranges
        .filter(([low, high]) => low <= high)
        .map(([low, high]) => `${quoted(low)}-${quoted(high)}`);
      if (ranges.length === 0) return token.isNegated ? "[^/]" : "[]";
      return `(?!/)[${token.isNegated ? "^" : ""}${ranges.join("")}]`;
    }
  }
}

/** A hyphen is written by its number: only a class takes it escaped. */
const quoted = (char: string) => char.replace(/[\\^$.*+?()[\]{}|/]/, "\\$&").replace("-", "\\x2d");

function readClass(
  chars: readonly string[],
  start: number,
  text: string,
): { readonly token: Token; readonly end: number } {
  let at = start + 1;
  const isNegated = chars[at] === "^";
  if (isNegated) at++;
  const ranges: [string, string][] = [];
  const next = () => {
    if (chars[at] === "\\") at++;
    const char = chars[at++];
    if (char === undefined) throw new Error(`syntax error in pattern: ${text}`);
    return char;
  };
  while (ranges.length === 0 || chars[at] !== "]") {
    const low = next();
    if (chars[at] !== "-") ranges.push([low, low]);
    else {
      at++;
      ranges.push([low, next()]);
    }
  }
  return { token: { kind: "class", isNegated, ranges }, end: at };
}

/** Whether the whole path fits. */
export function matchesGlob({ tokens, expression }: Glob, path: string): boolean {
  if (expression !== null) return expression.test(path);
  let states = new Set<number>();
  enter(states, 0, tokens);
  for (const char of path) {
    const next = new Set<number>();
    for (const state of states) {
      const token = tokens[state];
      if (token === undefined) continue;
      const { kind } = token;
      const stays = kind === "path" || kind === "directories" || (kind === "name" && char !== "/");
      if (stays) next.add(state);
      const ends = kind === "directories" ? char === "/" : stays || fits(token, char);
      if (ends) enter(next, state + 1, tokens);
    }
    if (next.size === 0) return false;
    states = next;
  }
  return states.has(tokens.length);
}

/** A state, and those after it where it may stand for nothing. */
function enter(states: Set<number>, from: number, tokens: readonly Token[]): void {
  for (let state = from; ; state++) {
    states.add(state);
    const kind = tokens[state]?.kind;
    if (kind !== "name" && kind !== "path" && kind !== "directories") return;
  }
}

function fits(token: Token, char: string): boolean {
  if (token.kind === "char") return token.char === char;
  if (char === "/") return false;
  if (token.kind === "one") return true;
  if (token.kind !== "class") return false;
  return token.ranges.some(([low, high]) => char >= low && char <= high) !== token.isNegated;
}
