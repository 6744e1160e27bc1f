/** Cuts the source of a template into tokens. */
import { syntaxFailure } from "./failure.ts";

export type TokenKind =
  | "text"
  | "open" // {{
  | "close" // }}
  | "field" // .Name; the token's text is without the dot
  | "dot"
  | "variable" // $name, or $ alone
  | "identifier"
  | "keyword"
  | "bool"
  | "nil"
  | "string" // the text keeps its quotes, as for char and number
  | "char"
  | "number"
  | "pipe"
  | "open-paren"
  | "close-paren"
  | "comma"
  | "declare" // :=
  | "assign" // =
  | "end";

export interface Token {
  readonly kind: TokenKind;
  readonly text: string;
  readonly start: number;
  readonly end: number;
  /** Whether white space stands before it: `.A.B` is one operand, `.A .B` are two. */
  readonly isSpaced: boolean;
}

const keywords = new Set([
  "block",
  "break",
  "continue",
  "define",
  "else",
  "end",
  "if",
  "range",
  "template",
  "with",
]);

const blanks = " \t\r\n";

export interface LexOptions {
  /** A blank outside of actions becomes a tab, as podman has it for `table {{.ID}} {{.Names}}`. */
  readonly blanksAreTabs?: boolean;
}

/**
 * All tokens of `source`, the last one of kind "end". In the text outside of actions a typed `\t` or
 * `\n` becomes the character, as podman and docker do for `--format`.
 */
export function lex(source: string, { blanksAreTabs = false }: LexOptions = {}): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  let trimsStart = false;
  for (;;) {
    const open = source.indexOf("{{", at);
    const end = open === -1 ? source.length : open;
    const trimsEnd = open !== -1 && source[open + 2] === "-" && isBlank(source[open + 3]);
    const plain = unescaped(source.slice(at, end));
    const spaced = blanksAreTabs ? plain.replaceAll(" ", "\t") : plain;
    const text = trimmed(spaced, trimsStart, trimsEnd);
    if (text !== "") tokens.push({ kind: "text", text, start: at, end, isSpaced: false });
    if (open === -1) break;

    const inside = open + (trimsEnd ? 4 : 2);
    const comment = source.startsWith("/*", skipTrimBlanks(source, inside, trimsEnd));
    const action = comment ? endOfComment(source, inside) : lexAction(source, open, inside, tokens);
    at = action.end;
    trimsStart = action.trims;
  }
  tokens.push({ kind: "end", text: "", start: source.length, end: source.length, isSpaced: false });
  return tokens;
}

/** Where an action ends, and whether it swallows the white space that follows it. */
interface ActionEnd {
  readonly end: number;
  readonly trims: boolean;
}

function lexAction(source: string, open: number, inside: number, tokens: Token[]): ActionEnd {
  tokens.push({ kind: "open", text: "{{", start: open, end: inside, isSpaced: false });
  let at = inside;
  for (;;) {
    const start = skipBlanks(source, at);
    const isSpaced = start > at || source[at - 1] === " ";
    if (start >= source.length) throw syntaxFailure(source, source.length, "unclosed action");
    const trims = isSpaced && source.startsWith("-}}", start);
    if (trims || source.startsWith("}}", start)) {
      const end = start + (trims ? 3 : 2);
      tokens.push({ kind: "close", text: "}}", start, end, isSpaced });
      return { end, trims };
    }
    const token = lexToken(source, start, isSpaced);
    tokens.push(token);
    at = token.end;
  }
}

const number =
  /[+-]?(?:0[xX][0-9a-fA-F_]*|0[bBoO][0-9_]*|(?:[0-9][0-9_]*)?\.?[0-9_]*(?:[eE][+-]?[0-9_]+)?)/y;
const word = /[\p{L}\p{Nd}_]+/uy;
const quotes: Readonly<Record<string, { kind: TokenKind; pattern: RegExp; name: string }>> = {
  '"': { kind: "string", pattern: /"(?:[^"\\\n]|\\[^\n])*"/y, name: "quoted string" },
  "'": { kind: "char", pattern: /'(?:[^'\\\n]|\\[^\n])*'/y, name: "character constant" },
  "`": { kind: "string", pattern: /`[^`]*`/y, name: "raw quoted string" },
};
const punctuation: readonly (readonly [string, TokenKind])[] = [
  [":=", "declare"],
  ["=", "assign"],
  ["|", "pipe"],
  ["(", "open-paren"],
  [")", "close-paren"],
  [",", "comma"],
];

function lexToken(source: string, start: number, isSpaced: boolean): Token {
  const first = source[start] ?? "";
  const token = (kind: TokenKind, text: string, end: number): Token => {
    return { kind, text, start, end, isSpaced };
  };
  const name = (kind: TokenKind, text: string, end: number): Token => {
    if (!isTerminator(source, end)) throw badCharacter(source, end, "bad character");
    return token(kind, text, end);
  };

  const quote = Object.hasOwn(quotes, first) ? quotes[first] : undefined;
  if (quote) {
    const text = matchAt(quote.pattern, source, start);
    if (text === "") throw syntaxFailure(source, start, `unterminated ${quote.name}`);
    return token(quote.kind, text, start + text.length);
  }
  if (first === "$") {
    const text = `$${matchAt(word, source, start + 1)}`;
    return name("variable", text, start + text.length);
  }
  if (/[0-9]/.test(first) || /^[+-]?\.?[0-9]/.test(source.slice(start, start + 3))) {
    const text = matchAt(number, source, start);
    return name("number", text, start + text.length);
  }
  if (first === ".") {
    const text = matchAt(word, source, start + 1);
    const end = start + 1 + text.length;
    return text === "" ? name("dot", ".", end) : name("field", text, end);
  }
  const text = matchAt(word, source, start);
  if (text !== "") return name(wordKind(text), text, start + text.length);
  for (const [sign, kind] of punctuation) {
    if (source.startsWith(sign, start)) return token(kind, sign, start + sign.length);
  }
  throw badCharacter(source, start, "unrecognized character in action:");
}

function wordKind(text: string): TokenKind {
  if (text === "true" || text === "false") return "bool";
  if (text === "nil") return "nil";
  return keywords.has(text) ? "keyword" : "identifier";
}

function isTerminator(source: string, at: number): boolean {
  if (at >= source.length || source.startsWith("}}", at)) return true;
  return `${blanks}.,|:()=`.includes(source[at] ?? "");
}

function badCharacter(source: string, at: number, message: string) {
  const point = source.codePointAt(at) ?? 0;
  const hex = point.toString(16).toUpperCase().padStart(4, "0");
  return syntaxFailure(source, at, `${message} U+${hex} '${String.fromCodePoint(point)}'`);
}

function matchAt(pattern: RegExp, source: string, at: number): string {
  pattern.lastIndex = at;
  return pattern.exec(source)?.[0] ?? "";
}

function endOfComment(source: string, from: number): ActionEnd {
  const end = source.indexOf("*/", from);
  if (end === -1) throw syntaxFailure(source, from, "unclosed comment");
  const after = end + 2;
  if (source.startsWith("}}", after)) return { end: after + 2, trims: false };
  if (isBlank(source[after]) && source.startsWith("-}}", after + 1)) {
    return { end: after + 4, trims: true };
  }
  throw syntaxFailure(source, after, "comment ends before closing delimiter");
}

function skipTrimBlanks(source: string, at: number, isTrimmed: boolean): number {
  return isTrimmed ? skipBlanks(source, at) : at;
}

function skipBlanks(source: string, from: number): number {
  let at = from;
  while (isBlank(source[at])) at++;
  return at;
}

function isBlank(char: string | undefined): boolean {
  return char !== undefined && blanks.includes(char);
}

function unescaped(text: string): string {
  return text.replaceAll("\\t", "\t").replaceAll("\\n", "\n");
}

function trimmed(text: string, trimsStart: boolean, trimsEnd: boolean): string {
  const start = trimsStart ? text.replace(/^[ \t\r\n]+/, "") : text;
  return trimsEnd ? start.slice(0, endWithoutBlanks(start)) : start;
}

/** By hand: a regular expression for trailing blanks takes quadratic time on hostile text. */
function endWithoutBlanks(text: string): number {
  let end = text.length;
  while (end > 0 && isBlank(text[end - 1])) end--;
  return end;
}
