/** HCL's templates: what stands between quotes or in heredocs, with `${…}` and `%{…}`. */
import { forHead } from "./parse-for.ts";
import type { Scanner } from "./scanner.ts";
import type { Expression, TemplatePart } from "./syntax.ts";

/** Behind the opening quote, up to the closing one. */
export function parseQuoted(from: Scanner): Expression {
  const at = from.place - 1;
  const parts = from.between(false, () => sequence(from, { isQuoted: true, ends: [] }).parts);
  from.expect('"', "at the end of the text");
  return template(at, parts);
}

/** All of a text, as JSON has it. */
export function parseTemplate(from: Scanner): Expression {
  return template(0, sequence(from, { isQuoted: false, ends: [] }).parts);
}

/** `<<EOF`, `<<-EOF`: lines up to one that is the word alone. */
export function parseHeredoc(from: Scanner): Expression {
  const at = from.place;
  const dedents = !from.takes("<<-");
  if (dedents) from.expect("<<", "");
  const word = from.identifier();
  if (word === undefined || from.match(/\r?\n/y) === undefined)
    throw from.error("expected a word and a newline behind <<");
  const lines: string[] = [];
  for (;;) {
    if (from.isAtEnd) throw from.error(`the heredoc never ends: there is no line ${word}`, at);
    const line = from.match(/.*/y) ?? "";
    if (line.trim() === word) break; // the newline behind it ends the attribute
    if (!from.takes("\n") && !from.isAtEnd) throw from.error("expected a newline");
    lines.push(line.endsWith("\r") ? line.slice(0, -1) : line);
  }
  const shown = dedents ? lines : withoutIndent(lines);
  const text = shown.map((line) => `${line}\n`).join("");
  const inner = from.part(text, at);
  return template(at, sequence(inner, { isQuoted: false, ends: [] }).parts);
}

function withoutIndent(lines: readonly string[]): string[] {
  const indents = lines
    .filter((line) => line.trim() !== "")
    .map((line) => line.length - line.trimStart().length);
  const indent = Math.min(...indents, Number.MAX_SAFE_INTEGER);
  return lines.map((line) => line.slice(indent));
}

/** `"${x}"` alone is x itself, whatever it is. */
function template(at: number, parts: readonly TemplatePart[]): Expression {
  const [only] = parts;
  if (parts.length === 1 && only?.kind === "value") return only.expression;
  if (parts.every((part) => part.kind === "text"))
    return { kind: "literal", at, value: parts.map((part) => part.text).join("") };
  return { kind: "template", at, parts };
}

interface How {
  readonly isQuoted: boolean;
  /** Words of `%{…}` that end it: else, endif, endfor. */
  readonly ends: readonly string[];
}

/** Parts up to the end of the text, its closing quote, or a directive that ends it. */
function sequence(from: Scanner, how: How): { parts: TemplatePart[]; ended: string } {
  return from.nested(() => {
    const parts: TemplatePart[] = [];
    let text = "";
    let trims = false;
    const flush = (trimsBefore: boolean) => {
      if (trimsBefore) text = text.trimEnd();
      if (text !== "") parts.push({ kind: "text", text });
      text = "";
    };
    const add = (more: string) => {
      text += trims ? more.trimStart() : more;
      if (text !== "") trims = false;
    };
    for (;;) {
      if (from.isAtEnd || (how.isQuoted && from.sees('"'))) {
        flush(false);
        if (how.ends.length > 0) throw from.error(`expected %{ ${how.ends.at(-1)} }`);
        return { parts, ended: "" };
      }
      if (from.takes("$${")) add("${");
      else if (from.takes("%%{")) add("%{");
      else if (from.takes("${")) {
        flush(from.takes("~"));
        const expression = from.between(true, () => from.expression());
        parts.push({ kind: "value", expression });
        trims = closes(from);
      } else if (from.takes("%{")) {
        flush(from.takes("~"));
        const read = directive(from, how);
        if (typeof read === "string") return { parts, ended: read };
        parts.push(read.part);
        trims = read.trims;
      } else add(how.isQuoted ? quotedPiece(from) : (from.match(/[$%]|[^$%]+/y) ?? ""));
    }
  });
}

/** The end of `${…}` or `%{…}`; whether spaces behind it are left out. */
function closes(from: Scanner): boolean {
  from.skip(true);
  const trims = from.takes("~");
  from.expect("}", "at the end of the interpolation");
  return trims;
}

/** Behind `%{`. A word that ends the surrounding sequence is handed back. */
function directive(from: Scanner, how: How): { part: TemplatePart; trims: boolean } | string {
  from.skip(true);
  const at = from.at;
  const word = from.identifier() ?? "";
  if (how.ends.includes(word)) {
    closes(from);
    return word;
  }
  if (word === "if") {
    const condition = from.between(true, () => from.expression());
    closes(from);
    const met = sequence(from, { ...how, ends: ["else", "endif"] });
    const otherwise = met.ended === "else" ? sequence(from, { ...how, ends: ["endif"] }).parts : [];
    return { part: { kind: "if", condition, met: met.parts, otherwise }, trims: false };
  }
  if (word === "for") {
    const clause = from.between(true, () => forHead(from, ""));
    closes(from);
    const { parts } = sequence(from, { ...how, ends: ["endfor"] });
    return { part: { kind: "for", ...clause, condition: null, body: parts }, trims: false };
  }
  throw from.error(`%{ ${word} } is not known: there are if, else, endif, for and endfor`, at);
}

const escapes: Readonly<Record<string, string>> = {
  n: "\n",
  r: "\r",
  t: "\t",
  '"': '"',
  "\\": "\\",
};

function quotedPiece(from: Scanner): string {
  const plain = from.match(/[^"\\$%\n]+/y) ?? from.match(/[$%]/y);
  if (plain !== undefined) return plain;
  if (from.sees("\n")) throw from.error("the text never ends: there is no closing quote");
  const at = from.at;
  const code = from.match(/\\(?:u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8})/y);
  if (code !== undefined) {
    const point = Number.parseInt(code.slice(2), 16);
    if (point > 0x10ffff) throw from.error("this is no character", at);
    return String.fromCodePoint(point);
  }
  from.expect("\\", "");
  const letter = from.match(/[nrt"\\]/y);
  if (letter === undefined) throw from.error("this escape is not known", at);
  return escapes[letter] ?? "";
}
