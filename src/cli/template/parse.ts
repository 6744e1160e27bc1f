/** Builds the tree of a template from its tokens. */
import type { Command, Control, Node, Operand, Pipeline, Tree } from "./ast.ts";
import { syntaxFailure } from "./failure.ts";
import { type LexOptions, lex, type Token, type TokenKind } from "./lex.ts";
import { parseNumber, unquote, unquoteChar } from "./literal.ts";

/** Hostile text must not exhaust our stack; nobody nests by hand this deep. */
const maxNesting = 200;

/** Where the parser stands. Tokens are read through `peek` and `next` alone. */
interface Parser {
  readonly source: string;
  readonly tokens: readonly Token[];
  readonly isFunction: (name: string) => boolean;
  readonly definitions: Map<string, readonly Node[]>;
  at: number;
  nesting: number;
  /** Loops around this place, for `break` and `continue`. */
  loops: number;
  /** Variables in scope, innermost last. */
  variables: string[];
}

/** Parses `source`; throws a CooperError on the first mistake. */
export function parse(
  source: string,
  isFunction: (name: string) => boolean,
  options: LexOptions = {},
): Tree {
  const parser: Parser = {
    source,
    tokens: lex(source, options),
    isFunction,
    definitions: new Map(),
    at: 0,
    nesting: 0,
    loops: 0,
    variables: ["$"],
  };
  const main = parseNodes(parser);
  if (peek(parser).kind !== "end") {
    const word = peek(parser, 1);
    throw syntaxFailure(source, word.start, `unexpected {{${word.text}}}`);
  }
  return { main, definitions: parser.definitions };
}

/** Everything up to the end of the source, or to a `{{end}}` or `{{else` that is left unread. */
function parseNodes(parser: Parser): Node[] {
  const nodes: Node[] = [];
  for (;;) {
    const token = peek(parser);
    if (token.kind === "end") return nodes;
    if (token.kind === "text") {
      nodes.push({ kind: "text", text: next(parser).text, start: token.start, end: token.end });
      continue;
    }
    const word = peek(parser, 1);
    if (word.kind === "keyword" && (word.text === "end" || word.text === "else")) return nodes;
    next(parser);
    const node = parseAction(parser);
    if (node) nodes.push(node);
  }
}

/** What stands after `{{`, through its `}}` or `{{end}}`. A definition leaves no node. */
function parseAction(parser: Parser): Node | undefined {
  const word = peek(parser);
  if (word.kind !== "keyword") {
    const pipeline = parsePipeline(parser, "close", "command");
    return { kind: "action", pipeline, start: pipeline.start, end: pipeline.end };
  }
  next(parser);
  switch (word.text) {
    case "if":
    case "with":
    case "range":
      return nested(parser, () => parseControl(parser, word.text as Control["kind"], word));
    case "break":
    case "continue":
      return parseJump(parser, word.text, word);
    case "define":
      parseDefinition(parser, expectName(parser, "define clause"), true);
      return undefined;
    case "block":
    case "template":
      return parseCall(parser, word.text);
    default:
      throw fail(parser, `unexpected {{${word.text}}}`);
  }
}

function parseControl(parser: Parser, kind: Control["kind"], word: Token): Control {
  const outer = parser.variables.length;
  const pipeline = parsePipeline(parser, "close", kind);
  const own = parser.variables.length;
  if (kind === "range") parser.loops++;
  const body = parseNodes(parser);
  if (kind === "range") parser.loops--;
  parser.variables.length = own;
  const otherwise = parseOtherwise(parser, kind);
  parser.variables.length = outer;
  return { kind, pipeline, body, otherwise, start: word.start, end: pipeline.end };
}

/** The `{{else}}` part, if there is one, and the `{{end}}`. `else if` shares the end of its `if`. */
function parseOtherwise(parser: Parser, kind: Control["kind"]): readonly Node[] {
  expect(parser, "open", "input");
  const word = next(parser);
  if (word.text === "end") {
    expect(parser, "close", "end");
    return [];
  }
  const again = peek(parser);
  if (again.kind === "keyword" && again.text === kind && kind !== "range") {
    next(parser);
    return [nested(parser, () => parseControl(parser, kind, again))];
  }
  expect(parser, "close", "else");
  const nodes = parseNodes(parser);
  expectEnd(parser);
  return nodes;
}

function parseJump(parser: Parser, kind: "break" | "continue", word: Token): Node {
  expect(parser, "close", `{{${kind}}}`);
  if (parser.loops === 0) throw fail(parser, `{{${kind}}} outside {{range}}`);
  return { kind, start: word.start, end: word.end };
}

/** `{{template "name" pipeline}}`, or `{{block …}}`, which also defines what it calls. */
function parseCall(parser: Parser, kind: "template" | "block"): Node {
  const start = peek(parser, -2).start;
  const name = expectName(parser, `${kind} clause`);
  const isBare = kind === "template" && peek(parser).kind === "close";
  const pipeline = isBare ? undefined : parsePipeline(parser, "close", `${kind} clause`);
  if (isBare) next(parser);
  const end = peek(parser, -1).end;
  if (kind === "block") parseDefinition(parser, name, false);
  return { kind: "call", name, pipeline, start, end };
}

function parseDefinition(parser: Parser, name: string, isClause: boolean): void {
  if (isClause) expect(parser, "close", "define clause");
  if (parser.definitions.has(name)) {
    throw fail(parser, `multiple definition of template ${JSON.stringify(name)}`);
  }
  const { variables, loops } = parser;
  parser.variables = ["$"];
  parser.loops = 0;
  parser.definitions.set(name, []); // held, so that a definition within cannot take the name
  const body = nested(parser, () => parseNodes(parser));
  parser.definitions.set(name, body);
  parser.variables = variables;
  parser.loops = loops;
  expectEnd(parser);
}

/** A pipeline through the token that closes it. */
function parsePipeline(parser: Parser, closing: "close" | "close-paren", where: string): Pipeline {
  const start = peek(parser).start;
  const { variables, isAssignment } = parseVariables(parser, where === "range");
  const commands: Command[] = [];
  while (commands.length === 0 || peek(parser).kind === "pipe") {
    if (commands.length > 0) next(parser);
    else if (peek(parser).kind === closing) throw fail(parser, `missing value for ${where}`);
    const command = parseCommand(parser, closing);
    if (commands.length > 0 && !isExecutable(command.head)) {
      throw fail(parser, `non executable command in pipeline stage ${commands.length + 1}`);
    }
    commands.push(command);
  }
  const end = peek(parser, -1).end;
  expect(parser, closing, where);
  if (!isAssignment) parser.variables.push(...variables);
  return { kind: "pipeline", variables, isAssignment, commands, start, end };
}

/** `$x :=`, `$x =`, and in `range` also `$i, $x :=`. */
function parseVariables(
  parser: Parser,
  isRange: boolean,
): { variables: string[]; isAssignment: boolean } {
  const second = isRange && peek(parser, 1).kind === "comma" && peek(parser, 2).kind === "variable";
  const sign = peek(parser, second ? 3 : 1).kind;
  if (peek(parser).kind !== "variable" || (sign !== "declare" && sign !== "assign")) {
    return { variables: [], isAssignment: false };
  }
  const variables = [next(parser).text];
  if (second) {
    next(parser);
    variables.push(next(parser).text);
  }
  next(parser);
  const isAssignment = sign === "assign";
  for (const name of isAssignment ? variables : []) assertVariable(parser, name);
  return { variables, isAssignment };
}

function isExecutable(head: Operand): boolean {
  return head.kind !== "literal" && head.kind !== "dot" && head.kind !== "nil";
}

function parseCommand(parser: Parser, closing: "close" | "close-paren"): Command {
  const head = parseOperand(parser);
  const args: Operand[] = [];
  for (;;) {
    const token = peek(parser);
    if (token.kind === "pipe" || token.kind === closing) break;
    if (!token.isSpaced) throw unexpected(parser, token, "operand");
    args.push(parseOperand(parser));
  }
  return { head, args, start: head.start, end: (args.at(-1) ?? head).end };
}

/** A term and the fields that follow it without a space. */
function parseOperand(parser: Parser): Operand {
  const term = parseTerm(parser);
  const path: string[] = [];
  while (peek(parser).kind === "field" && !peek(parser).isSpaced) path.push(next(parser).text);
  if (path.length === 0) return term;
  const end = peek(parser, -1).end;
  if (term.kind === "field" || term.kind === "variable") {
    return { ...term, path: [...term.path, ...path], end };
  }
  if (!isExecutable(term)) throw fail(parser, "unexpected . after term");
  return { kind: "chain", operand: term, path, start: term.start, end };
}

function parseTerm(parser: Parser): Operand {
  const token = next(parser);
  const { start, end } = token;
  switch (token.kind) {
    case "dot":
    case "nil":
      return { kind: token.kind, start, end };
    case "field":
      return { kind: "field", path: [token.text], start, end };
    case "variable":
      assertVariable(parser, token.text);
      return { kind: "variable", name: token.text, path: [], start, end };
    case "identifier":
      if (!parser.isFunction(token.text)) {
        throw fail(parser, `function ${JSON.stringify(token.text)} not defined`);
      }
      return { kind: "function", name: token.text, start, end };
    case "bool":
    case "string":
    case "char":
    case "number":
      return { kind: "literal", value: literalValue(parser, token), start, end };
    case "open-paren": {
      const inner = nested(parser, () =>
        parsePipeline(parser, "close-paren", "parenthesized pipeline"),
      );
      return { ...inner, start, end: peek(parser, -1).end };
    }
    default:
      throw unexpected(parser, token, "command");
  }
}

function literalValue(parser: Parser, token: Token): string | number | bigint | boolean {
  if (token.kind === "bool") return token.text === "true";
  if (token.kind === "string") {
    const text = unquote(token.text);
    if (text === undefined) throw fail(parser, `invalid string literal: ${token.text}`);
    return text;
  }
  const value = token.kind === "char" ? unquoteChar(token.text) : parseNumber(token.text);
  if (value === undefined) {
    const what = token.kind === "char" ? "malformed character constant:" : "bad number syntax:";
    throw fail(parser, `${what} ${token.text}`);
  }
  return value;
}

function assertVariable(parser: Parser, name: string): void {
  if (!parser.variables.includes(name)) throw fail(parser, `undefined variable "${name}"`);
}

function expectName(parser: Parser, where: string): string {
  const token = expect(parser, "string", where);
  return String(literalValue(parser, token));
}

function expectEnd(parser: Parser): void {
  expect(parser, "open", "input");
  const word = next(parser);
  if (word.text !== "end") throw fail(parser, `unexpected {{${word.text}}}`);
  expect(parser, "close", "end");
}

function expect(parser: Parser, kind: TokenKind, where: string): Token {
  const token = next(parser);
  if (token.kind !== kind) throw unexpected(parser, token, where);
  return token;
}

function unexpected(parser: Parser, token: Token, where: string) {
  if (token.kind === "end") return fail(parser, "unexpected EOF");
  return fail(parser, `unexpected <${token.text}> in ${where}`);
}

function fail(parser: Parser, message: string) {
  return syntaxFailure(parser.source, peek(parser, -1).start, message);
}

function nested<T>(parser: Parser, parsePart: () => T): T {
  if (++parser.nesting > maxNesting) throw fail(parser, `nested deeper than ${maxNesting} levels`);
  const part = parsePart();
  parser.nesting--;
  return part;
}

const beyond: Token = { kind: "end", text: "", start: 0, end: 0, isSpaced: false };

function peek(parser: Parser, ahead = 0): Token {
  return parser.tokens[parser.at + ahead] ?? parser.tokens.at(-1) ?? beyond;
}

function next(parser: Parser): Token {
  const token = peek(parser);
  parser.at++;
  return token;
}
