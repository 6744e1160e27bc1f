/** HCL's expressions, from text to tree. */
import { forHead } from "./parse-for.ts";
import { parseHeredoc, parseQuoted } from "./parse-template.ts";
import type { Scanner } from "./scanner.ts";
import type { BinaryOperator, Expression } from "./syntax.ts";

/** By how closely they bind, the loosest first. */
const operators: readonly (readonly BinaryOperator[])[] = [
  ["||"],
  ["&&"],
  ["==", "!="],
  ["<=", ">=", "<", ">"],
  ["+", "-"],
  ["*", "/", "%"],
];

/** Reads one, as far as it goes. @throws CooperError that shows the place */
export function parseExpression(from: Scanner): Expression {
  return from.nested(() => {
    const condition = binary(from, 0);
    from.skip();
    if (!from.takes("?")) return condition;
    const met = parseExpression(from);
    from.skip();
    from.expect(":", "between the two ways of a condition");
    return {
      kind: "conditional",
      at: condition.at,
      condition,
      met,
      otherwise: parseExpression(from),
    };
  });
}

function binary(from: Scanner, level: number): Expression {
  const words = operators[level];
  if (words === undefined) return unary(from);
  let left = binary(from, level + 1);
  for (;;) {
    from.skip();
    const at = from.place;
    const operator = words.find((word) => from.takes(word));
    if (operator === undefined) return left;
    left = { kind: "binary", at, operator, left, right: binary(from, level + 1) };
  }
}

function unary(from: Scanner): Expression {
  from.skip();
  const at = from.place;
  const operator = (["-", "!"] as const).find((word) => from.takes(word));
  if (operator === undefined) return traversal(from, term(from));
  return from.nested(() => ({ kind: "unary", at, operator, of: unary(from) }));
}

/** `.name`, `[key]`, `.*`, `[*]`, as many as follow. */
function traversal(from: Scanner, start: Expression): Expression {
  let of = start;
  for (;;) {
    const at = from.place;
    if (from.sees("...")) return of;
    if (from.takes(".*")) return splat(from, of, at, false);
    if (from.takes("[*]")) return splat(from, of, at, true);
    if (from.takes(".")) {
      const index = from.match(/\d+/y);
      const name = index === undefined ? from.identifier() : undefined;
      if (index !== undefined) {
        const key = { kind: "literal", at, value: Number(index) } as const;
        of = { kind: "index", at, of, key };
      } else if (name !== undefined) of = { kind: "attribute", at, of, name };
      else throw from.error("expected a name behind the dot");
    } else if (from.takes("[")) {
      const key = from.between(true, () => {
        const read = parseExpression(from);
        from.skip();
        from.expect("]", "behind the key");
        return read;
      });
      of = { kind: "index", at, of, key };
    } else return of;
  }
}

/** A full splat (`[*]`) takes all that follows to each; an attribute splat (`.*`) only names. */
function splat(from: Scanner, of: Expression, at: number, isFull: boolean): Expression {
  let each: Expression = { kind: "each", at };
  if (isFull) each = traversal(from, each);
  else
    while (from.takes(".")) {
      const name = from.identifier();
      if (name === undefined) throw from.error("expected a name behind the dot");
      each = { kind: "attribute", at, of: each, name };
    }
  const all: Expression = { kind: "splat", at, of, each };
  return isFull ? all : traversal(from, all);
}

function term(from: Scanner): Expression {
  from.skip();
  const at = from.place;
  if (from.takes('"')) return parseQuoted(from);
  if (from.sees("<<")) return parseHeredoc(from);
  if (from.takes("(")) return group(from);
  if (from.takes("[")) return from.between(true, () => list(from, at));
  if (from.takes("{")) return from.between(true, () => object(from, at));
  const number = from.match(/\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y);
  if (number !== undefined) return { kind: "literal", at, value: Number(number) };
  const name = from.identifier();
  if (name === undefined) throw from.error("expected an expression");
  if (name === "true" || name === "false") return { kind: "literal", at, value: name === "true" };
  if (name === "null") return { kind: "literal", at, value: null };
  if (from.takes("(")) return from.between(true, () => call(from, at, name));
  return { kind: "variable", at, name };
}

function group(from: Scanner): Expression {
  return from.between(true, () => {
    const inside = parseExpression(from);
    from.skip();
    from.expect(")", "behind the expression");
    return inside;
  });
}

function call(from: Scanner, at: number, name: string): Expression {
  const args: Expression[] = [];
  for (;;) {
    from.skip();
    if (from.takes(")")) return { kind: "call", at, name, args, expandsLast: false };
    args.push(parseExpression(from));
    from.skip();
    if (from.takes("...")) {
      from.skip();
      from.expect(")", "behind the arguments");
      return { kind: "call", at, name, args, expandsLast: true };
    }
    if (!from.takes(",") && !from.sees(")")) throw from.error('expected "," or ")"');
  }
}

function list(from: Scanner, at: number): Expression {
  from.skip();
  if (from.word("for")) {
    const clause = forHead(from);
    const value = parseExpression(from);
    const condition = forCondition(from, "]");
    return { kind: "for", at, ...clause, condition, key: null, value, groups: false };
  }
  const items: Expression[] = [];
  for (;;) {
    from.skip();
    if (from.takes("]")) return { kind: "list", at, items };
    items.push(parseExpression(from));
    from.skip();
    if (!from.takes(",") && !from.sees("]")) throw from.error('expected "," or "]"');
  }
}

function object(from: Scanner, at: number): Expression {
  from.skip();
  if (from.word("for")) {
    const clause = forHead(from);
    const key = parseExpression(from);
    from.skip();
    from.expect("=>", "between key and value");
    const value = parseExpression(from);
    from.skip();
    const groups = from.takes("...");
    return { kind: "for", at, ...clause, condition: forCondition(from, "}"), key, value, groups };
  }
  const items: { key: Expression; value: Expression }[] = [];
  for (;;) {
    from.skip(true);
    if (from.takes("}")) return { kind: "object", at, items };
    const key = objectKey(from);
    from.skip();
    if (!from.takes("=") && !from.takes(":")) throw from.error('expected "=" behind the key');
    // an item ends at a newline, as well as at a comma
    const value = from.between(false, () => parseExpression(from));
    items.push({ key, value });
    from.skip(false);
    if (!from.takes(",") && !from.sees("\n") && !from.sees("}"))
      throw from.error("expected a newline or a comma behind the value");
  }
}

/** A bare word is its own name. */
function objectKey(from: Scanner): Expression {
  const at = from.place;
  const before = from.at;
  const name = from.identifier();
  from.skip();
  if (name !== undefined && (from.sees("=") || from.sees(":")))
    return { kind: "literal", at, value: name };
  from.at = before;
  return parseExpression(from);
}

function forCondition(from: Scanner, ends: string): Expression | null {
  from.skip();
  const condition = from.word("if") ? parseExpression(from) : null;
  from.skip();
  from.expect(ends, "at the end of the for expression");
  return condition;
}
