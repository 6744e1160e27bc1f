/** A Dockerfile's physical lines → parser directives, and logical lines that know where each character stood. */
import { errorAt, type Position, type Range, type Source } from "./source.ts";

/** A piece of text that remembers its places, however many lines it was written over. */
export interface PlacedText {
  readonly text: string;
  /** Where stretches of it begin, in ascending order of offsets; the first has offset 0. */
  readonly places: readonly { readonly offset: number; readonly at: Position }[];
}

/** An instruction's line with its continuations joined; heredocs stand in the lines after it. */
export interface LogicalLine extends PlacedText {
  readonly range: Range;
  /** Comments directly before it, without `#`. */
  readonly comments: readonly string[];
  /** Empty lines between its continuations. */
  readonly emptyContinuations: readonly number[];
}

/** `# escape=`, `# syntax=`, `# check=`. */
export interface Directives {
  readonly escapeChar: "\\" | "`";
  readonly syntax: string | null;
  readonly check: { readonly value: string; readonly range: Range } | null;
}

/** The position of a character of placed text. */
export function positionAt({ places }: PlacedText, offset: number): Position {
  let found = places[0];
  for (const place of places) {
    if (place.offset > offset) break;
    found = place;
  }
  if (found === undefined) return { line: 1, column: 1 };
  return { line: found.at.line, column: found.at.column + offset - found.offset };
}

/** Where a stretch of placed text stands. */
export function rangeOf(text: PlacedText, start: number, end: number): Range {
  const last = positionAt(text, Math.max(start, end - 1));
  return {
    start: positionAt(text, start),
    end: { line: last.line, column: last.column + (end > start ? 1 : 0) },
  };
}

/** A part of placed text, as placed text. */
export function slicePlaced(text: PlacedText, start: number, end = text.text.length): PlacedText {
  const places = [
    { offset: 0, at: positionAt(text, start) },
    ...text.places
      .filter(({ offset }) => offset > start && offset < end)
      .map(({ offset, at }) => ({ offset: offset - start, at })),
  ];
  return { text: text.text.slice(start, end), places };
}

/** Without white space at both ends. */
export function trimPlaced(text: PlacedText): PlacedText {
  const start = text.text.length - text.text.trimStart().length;
  return slicePlaced(text, start, Math.max(start, text.text.trimEnd().length));
}

export const lineRange = (source: Source, line: number): Range => ({
  start: { line, column: 1 },
  end: { line, column: (source.lines[line - 1] ?? "").length + 1 },
});

const directiveNames = ["escape", "syntax", "check"];

/**
 * Parser directives stand at the very top: the first line that is none ends them, so that one further
 * down is a comment like others. A `#!` line before them is skipped.
 */
export function readDirectives(source: Source): Directives & { readonly count: number } {
  const found = new Map<string, { value: string; range: Range }>();
  let count = source.lines[0]?.startsWith("#!") ? 1 : 0;
  for (; count < source.lines.length; count++) {
    const match = /^\s*#\s*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(.+?)\s*$/.exec(source.lines[count] ?? "");
    const name = match?.[1]?.toLowerCase() ?? "";
    if (!directiveNames.includes(name)) break;
    const range = lineRange(source, count + 1);
    if (found.has(name))
      throw errorAt(source, range, `only one ${name} parser directive can be used`);
    found.set(name, { value: match?.[2] ?? "", range });
  }
  const escapeChar = found.get("escape");
  if (escapeChar !== undefined && escapeChar.value !== "\\" && escapeChar.value !== "`") {
    throw errorAt(
      source,
      escapeChar.range,
      `invalid escape token '${escapeChar.value}': it is \` or \\`,
    );
  }
  return {
    escapeChar: escapeChar?.value === "`" ? "`" : "\\",
    syntax: found.get("syntax")?.value ?? otherSyntax(source),
    check: found.get("check") ?? null,
    count,
  };
}

/** `// syntax=` and `{"syntax": "…"}`: other languages than this one, whose first line names their reader. */
function otherSyntax(source: Source): string | null {
  const first = source.lines.find((line) => !line.startsWith("#!")) ?? "";
  const comment = /^\/\/\s*syntax\s*=\s*(.+?)\s*$/i.exec(first)?.[1];
  if (comment !== undefined || !first.startsWith("{")) return comment ?? null;
  try {
    const value: unknown = JSON.parse(source.lines.join("\n"));
    const syntax = typeof value === "object" && value !== null && "syntax" in value && value.syntax;
    return typeof syntax === "string" ? syntax : null;
  } catch {
    return null; // no JSON: it is a Dockerfile, and the parser says what is wrong with it
  }
}

const isComment = (line: string) => /^\s*#/.test(line);

/** Reads logical lines one after the other; whoever finds heredocs in one takes their lines before the next. */
export class LineReader {
  private readonly source: Source;
  private readonly continued: RegExp;
  private at = 0;

  constructor(source: Source, escapeChar: "\\" | "`") {
    this.source = source;
    this.continued = escapeChar === "`" ? /`[ \t]*$/ : /\\[ \t]*$/;
  }

  /** The next instruction's line; undefined at the end. */
  next(): LogicalLine | undefined {
    let comments: string[] = [];
    for (; this.at < this.source.lines.length; this.at++) {
      const line = this.source.lines[this.at] ?? "";
      if (isComment(line)) {
        const comment = line.trimStart().slice(1).trim();
        comments = comment === "" ? [] : [...comments, comment];
      } else if (line.trim() === "") comments = [];
      else return this.join(comments);
    }
    return undefined;
  }

  /** The next physical line as it is, for heredocs. */
  raw(): string | undefined {
    return this.source.lines[this.at++];
  }

  /** How many physical lines have been read. */
  get linesRead(): number {
    return this.at;
  }

  private join(comments: readonly string[]): LogicalLine {
    const first = this.at;
    const start = (this.source.lines[first] ?? "").search(/\S/);
    const places: { offset: number; at: Position }[] = [];
    const emptyContinuations: number[] = [];
    let text = "";
    for (let isOpen = true; isOpen && this.at < this.source.lines.length; this.at++) {
      const line = this.source.lines[this.at] ?? "";
      if (this.at > first) {
        if (isComment(line)) continue;
        if (line.trim() === "") {
          emptyContinuations.push(this.at + 1);
          continue;
        }
      }
      const column = this.at === first ? start : 0;
      places.push({ offset: text.length, at: { line: this.at + 1, column: column + 1 } });
      isOpen = this.continued.test(line);
      text += line.slice(column).replace(this.continued, "");
    }
    const lastLine = this.at;
    return {
      text,
      places,
      comments,
      emptyContinuations,
      range: {
        start: { line: first + 1, column: start + 1 },
        end: { line: lastLine, column: (this.source.lines[lastLine - 1] ?? "").length + 1 },
      },
    };
  }
}
