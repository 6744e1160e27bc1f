/** Here-documents: what a line announces, and what stands in the lines after it (Dockerfile reference, "Here-Documents"). */
import { expandWord, expandWords } from "./expand.ts";
import type { LineReader, LogicalLine } from "./logical-lines.ts";
import { errorAt, type Range, type Source } from "./source.ts";

export interface Heredoc {
  readonly name: string;
  /** Its lines, each with its newline; tabs at their beginnings are gone with `<<-`. */
  readonly content: string;
  /** As it was written, for a shell that reads it again. */
  readonly written: string;
  /** Whether variables in it are put in: not when its name was quoted. */
  readonly expands: boolean;
  readonly range: Range;
}

interface Announcement {
  readonly name: string;
  readonly expands: boolean;
  readonly stripsTabs: boolean;
}

/** What a word announces: `<<EOF`, `<<-EOF`, `3<<"EOF"`. */
export function announcedBy(word: string): Announcement | undefined {
  const match = /^\d*<<(-?)([^<]+)$/.exec(word);
  if (match === null) return undefined;
  const rest = match[2] ?? "";
  try {
    const words = expandWords(rest, raw);
    const name = expandWord(rest, { escapeChar: "\\", keepsUnset: true, lookUp: () => undefined });
    if (words.length !== 1 || name === "") return undefined;
    return { name, expands: words[0] === name, stripsTabs: match[1] === "-" };
  } catch {
    return undefined; // a quote that is not closed: the shell's business, not ours
  }
}

const raw = {
  escapeChar: "\\",
  keepsQuotes: true,
  keepsEscapes: true,
  keepsUnset: true,
  lookUp: () => undefined,
} as const;

function announcements(text: string): Announcement[] {
  try {
    return expandWords(text, raw).flatMap((word) => announcedBy(word) ?? []);
  } catch {
    return []; // quotes that are not closed: no heredocs, and a shell will say so
  }
}

/** Takes the lines of all heredocs that a line announces. @throws CooperError when one does not end */
export function takeHeredocs(source: Source, reader: LineReader, line: LogicalLine): Heredoc[] {
  return announcements(line.text).map((announced) => take(source, reader, line, announced));
}

function take(
  source: Source,
  reader: LineReader,
  line: LogicalLine,
  { name, expands, stripsTabs }: Announcement,
): Heredoc {
  const strip = (text: string) => (stripsTabs ? text.replace(/^\t+/, "") : text);
  const first = reader.linesRead + 1;
  const lines: string[] = [];
  for (let read = reader.raw(); ; read = reader.raw()) {
    if (read === undefined)
      throw errorAt(source, line.range, `unterminated heredoc: no line is just ${name}`);
    if (strip(read) === name) break;
    lines.push(read);
  }
  const range = {
    start: { line: first, column: 1 },
    end: { line: first + lines.length, column: 1 },
  };
  const text = (of: readonly string[]) => of.map((one) => `${one}\n`).join("");
  return { name, content: text(lines.map(strip)), written: text(lines), expands, range };
}
