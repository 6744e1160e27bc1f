/** A text and a place in it: what the parsers of HCL read with. */
import { errorAt, sourceOf } from "../../build/dockerfile/source.ts";
import type { CooperError } from "../../errors.ts";
import type { Expression, Offset } from "./syntax.ts";

/** An error that shows a place of a file. */
export function hclError(file: string, text: string, at: Offset, message: string): CooperError {
  const before = text.slice(0, at).split("\n");
  const start = { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
  const end = { line: start.line, column: start.column + 1 };
  return errorAt(sourceOf(file, text), { start, end }, message);
}

/** Deeper nesting than any file has that a person wrote. */
const maxDepth = 200;

type ReadExpression = (from: Scanner) => Expression;

/** Expressions hold templates, which hold expressions: who makes a scanner says how these are read. */
export class Scanner {
  readonly file: string;
  readonly text: string;
  at: Offset;
  /** Where the file begins that this text is a part of, for errors. */
  private readonly whole: { readonly text: string; readonly at: Offset } | null;
  private readonly readExpression: ReadExpression;
  private depth = 0;
  private newlinesMeanNothing = false;

  /** @param whole the file, where the text is a part of it that was changed: errors show its place */
  constructor(
    file: string,
    text: string,
    readExpression: ReadExpression,
    whole: Scanner["whole"] = null,
  ) {
    this.file = file;
    this.text = text;
    this.readExpression = readExpression;
    this.at = 0;
    this.whole = whole;
  }

  /** A part of the file that was changed: its errors show where it begins. */
  part(text: string, at: Offset): Scanner {
    return new Scanner(this.file, text, this.readExpression, { text: this.text, at });
  }

  expression(): Expression {
    return this.readExpression(this);
  }

  error(message: string, at = this.at): CooperError {
    return this.whole === null
      ? hclError(this.file, this.text, at, message)
      : hclError(this.file, this.whole.text, this.whole.at, message);
  }

  /** Where the reader is in the file. */
  get place(): Offset {
    return this.whole?.at ?? this.at;
  }

  get isAtEnd(): boolean {
    return this.at >= this.text.length;
  }

  /** Reads with a bound to how deep things may be nested. */
  nested<T>(read: () => T): T {
    this.depth++;
    if (this.depth > maxDepth) throw this.error("this is nested too deeply");
    try {
      return read();
    } finally {
      this.depth--;
    }
  }

  /** Between brackets newlines are spaces. */
  between<T>(isSpace: boolean, read: () => T): T {
    const before = this.newlinesMeanNothing;
    this.newlinesMeanNothing = isSpace;
    try {
      return read();
    } finally {
      this.newlinesMeanNothing = before;
    }
  }

  /** Spaces and comments; newlines too where they mean nothing. */
  skip(newlines = this.newlinesMeanNothing): void {
    const space = newlines
      ? /[ \t\r\n]+|#.*|\/\/.*|\/\*[\s\S]*?\*\//y
      : /[ \t\r]+|#.*|\/\/.*|\/\*[\s\S]*?\*\//y;
    for (;;) {
      space.lastIndex = this.at;
      const match = space.exec(this.text);
      if (match === null) return;
      this.at = space.lastIndex;
    }
  }

  /** Whether the text goes on like this. */
  sees(text: string): boolean {
    return this.text.startsWith(text, this.at);
  }

  /** Takes it, if the text goes on like this. */
  takes(text: string): boolean {
    if (!this.sees(text)) return false;
    this.at += text.length;
    return true;
  }

  expect(text: string, what: string): void {
    if (!this.takes(text)) throw this.error(`expected ${JSON.stringify(text)} ${what}`);
  }

  /** Takes what matches here. @param pattern sticky */
  match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.at;
    const match = pattern.exec(this.text);
    if (match === null) return undefined;
    this.at += match[0].length;
    return match[0];
  }

  identifier(): string | undefined {
    return this.match(/[\p{ID_Start}_][\p{ID_Continue}_-]*/uy);
  }

  /** Takes a whole word. */
  word(word: string): boolean {
    const before = this.at;
    if (this.identifier() === word) return true;
    this.at = before;
    return false;
  }
}
