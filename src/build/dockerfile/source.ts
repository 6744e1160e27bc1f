/** A Dockerfile's text and places in it; errors that show the line they are about. */
import { CooperError } from "../../errors.ts";
import { redactUrls } from "../source/url-text.ts";

/** Both count from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** The end is the first position that does not belong to it. */
export interface Range {
  readonly start: Position;
  readonly end: Position;
}

/** What was read, and what the user calls it. */
export interface Source {
  readonly name: string;
  readonly lines: readonly string[];
}

/** Splits a text into lines; a byte order mark and carriage returns at their ends do not count. */
export function sourceOf(name: string, text: string): Source {
  const bare = text.startsWith("\ufeff") ? text.slice(1) : text;
  const lines = bare.split("\n").map((line) => (line.endsWith("\r") ? line.slice(0, -1) : line));
  if (lines.at(-1) === "") lines.pop();
  return { name, lines };
}

const contextLines = 2;
const maxShown = 160;

/** An error about a place: where, what, and the lines around it with the place marked. */
export function errorAt(
  source: Source,
  range: Range,
  message: string,
  extra: { readonly hint?: string; readonly cause?: unknown } = {},
): CooperError {
  const { line, column } = range.start;
  return new CooperError(
    "invalid-argument",
    `${source.name}:${line}:${column}: ${message}\n${excerpt(source, range)}`,
    extra,
  );
}

/** The lines of a place with one before and after them, the first one underlined. */
export function excerpt(source: Source, range: Range): string {
  const first = range.start.line;
  const last = Math.max(first, Math.min(lastLineOf(range), first + 20));
  const from = Math.max(1, first - contextLines + 1);
  const to = Math.min(source.lines.length, last + contextLines - 1);
  const width = `${to}`.length;
  const shown: string[] = [];
  for (let number = from; number <= to; number++) {
    const mark = number >= first && number <= last ? ">" : " ";
    const text = plain(source.lines[number - 1] ?? "").slice(0, maxShown);
    shown.push(`${mark} ${`${number}`.padStart(width)} | ${text}`.trimEnd());
    if (number === first) shown.push(...underline(source, range, width));
  }
  return shown.join("\n");
}

const lastLineOf = ({ start, end }: Range) =>
  end.column === 1 && end.line > start.line ? end.line - 1 : end.line;

function underline(source: Source, { start, end }: Range, width: number): string[] {
  const length = (source.lines[start.line - 1] ?? "").length;
  const until = end.line > start.line ? length + 1 : end.column;
  if (start.column > maxShown) return [];
  const marks = Math.max(1, Math.min(until, maxShown) - start.column);
  return [`  ${" ".repeat(width)} | ${" ".repeat(start.column - 1)}${"^".repeat(marks)}`];
}

/** A tab takes one column, and nothing reaches the terminal that would act on it. */
function plain(line: string): string {
  return redactUrls(line).replace(/[\u0000-\u001f\u007f-\u009f]/g, " ");
}
