/**
 * Patterns of `${name#pattern}`, `${name%pattern}` and `${name/pattern/text}`: `*` and `?` alone, no
 * brackets. Matched without regular expressions, so that no pattern takes longer than its length times
 * the value's.
 */

type Token =
  | { readonly kind: "any" }
  | { readonly kind: "one" }
  | { readonly kind: "char"; readonly char: string };

/** A pattern that has been read. */
export type Pattern = readonly Token[];

/** @throws Error when a backslash stands before what needs none */
export function patternOf(text: string): Pattern {
  const tokens: Token[] = [];
  const chars = [...text];
  for (let at = 0; at < chars.length; at++) {
    const char = chars[at] ?? "";
    if (char === "*") tokens.push({ kind: "any" });
    else if (char === "?") tokens.push({ kind: "one" });
    else if (char !== "\\") tokens.push({ kind: "char", char });
    else {
      const escaped = chars[++at] ?? "";
      if (!["*", "?", "\\", "}", "/"].includes(escaped))
        throw new Error(`invalid escape '\\${escaped}' in the pattern ${text}`);
      tokens.push({ kind: "char", char: escaped });
    }
  }
  return tokens;
}

/** Where a match that begins at `from` may end: the shortest or longest; undefined when there is none. */
function matchFrom(
  chars: readonly string[],
  pattern: Pattern,
  from: number,
  isLongest: boolean,
): number | undefined {
  // states: how many tokens of the pattern are used up
  let states = closure(new Set([0]), pattern);
  let end: number | undefined;
  for (let at = from; ; at++) {
    if (states.has(pattern.length)) {
      end = at;
      if (!isLongest) return end;
    }
    const char = chars[at];
    if (char === undefined || states.size === 0) return end;
    const next = new Set<number>();
    for (const state of states) {
      const token = pattern[state];
      if (token === undefined) continue;
      if (token.kind === "any") next.add(state);
      else if (token.kind === "one" || token.char === char) next.add(state + 1);
    }
    states = closure(next, pattern);
  }
}

/** `*` may stand for nothing. */
function closure(states: Set<number>, pattern: Pattern): Set<number> {
  for (const state of states) if (pattern[state]?.kind === "any") states.add(state + 1);
  return states;
}

/** How much of the value's beginning the pattern matches, in UTF-16 units. */
export function prefixEnd(value: string, pattern: Pattern, isLongest: boolean): number {
  const chars = [...value];
  const end = matchFrom(chars, pattern, 0, isLongest) ?? 0;
  return chars.slice(0, end).join("").length;
}

/** Where the part of the value's end begins that the pattern matches. */
export function suffixStart(value: string, pattern: Pattern, isLongest: boolean): number {
  const chars = [...value].reverse();
  const end = matchFrom(chars, [...pattern].reverse(), 0, isLongest) ?? 0;
  return value.length - chars.slice(0, end).join("").length;
}

/** With the first match replaced; `*` takes as much as it can. */
export function replaceFirst(value: string, pattern: Pattern, replacement: string): string {
  return replace(value, pattern, replacement, 1);
}

/** With all matches replaced. */
export function replaceAll(value: string, pattern: Pattern, replacement: string): string {
  return replace(value, pattern, replacement, Number.POSITIVE_INFINITY);
}

function replace(value: string, pattern: Pattern, replacement: string, limit: number): string {
  const chars = [...value];
  let result = "";
  let count = 0;
  for (let at = 0; at <= chars.length; ) {
    const end = count < limit ? matchFrom(chars, pattern, at, true) : undefined;
    if (end === undefined || (end === at && pattern.length > 0 && at === chars.length && at > 0)) {
      result += chars[at] ?? "";
      at++;
      continue;
    }
    count++;
    result += replacement;
    if (end > at) at = end;
    else result += chars[at++] ?? "";
  }
  return result;
}
