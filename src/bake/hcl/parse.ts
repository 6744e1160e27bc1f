/** HCL files, and JSON files that say the same, from text to tree. */
import { CooperError, messageOf } from "../../errors.ts";
import { parseExpression } from "./parse-expression.ts";
import { parseTemplate } from "./parse-template.ts";
import { Scanner } from "./scanner.ts";
import type { Attribute, Block, Body, Expression } from "./syntax.ts";

/** A file, and what it says. */
export interface HclFile {
  readonly name: string;
  readonly text: string;
  readonly body: Body;
}

/** @throws CooperError invalid-argument that shows the place */
export function parseHcl(name: string, text: string): HclFile {
  const from = new Scanner(name, text.startsWith("\ufeff") ? text.slice(1) : text, parseExpression);
  const read = body(from);
  if (!from.isAtEnd) throw from.error("expected a block or an attribute");
  return { name, text: from.text, body: read };
}

/** Up to a closing brace, or the end. */
function body(from: Scanner): Body {
  return from.nested(() => {
    const attributes: Attribute[] = [];
    const blocks: Block[] = [];
    for (;;) {
      from.skip(true);
      if (from.isAtEnd || from.sees("}")) return { attributes, blocks };
      const at = from.at;
      const name = from.identifier();
      if (name === undefined) throw from.error("expected a name");
      from.skip(false);
      if (from.takes("=")) {
        const value = from.between(false, () => parseExpression(from));
        if (attributes.some((other) => other.name === name))
          throw from.error(`${name} is set twice`, at);
        attributes.push({ name, at, value });
      } else blocks.push(block(from, name, at));
      from.skip(false);
      if (!from.isAtEnd && !from.sees("\n") && !from.sees("}"))
        throw from.error("expected a newline");
    }
  });
}

function block(from: Scanner, type: string, at: number): Block {
  const labels: string[] = [];
  for (;;) {
    from.skip(false);
    if (from.takes("{")) break;
    const label =
      from
        .match(/"(?:[^"\\\n]|\\.)*"/y)
        ?.slice(1, -1)
        .replace(/\\(.)/g, "$1") ?? from.identifier();
    if (label === undefined)
      throw from.error(`expected "=" or a block behind ${JSON.stringify(type)}`);
    labels.push(label);
  }
  const inside = body(from);
  from.expect("}", `at the end of the block ${type}`);
  return { type, labels, at, body: inside };
}

/** Types of blocks with one label. */
const blockTypes = ["variable", "group", "target", "function"];

/** JSON that says what an HCL file says: its texts are templates (HCL JSON syntax specification). */
export function parseHclJson(name: string, text: string): HclFile {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new CooperError("invalid-argument", `${name} is no JSON: ${messageOf(cause)}`, { cause });
  }
  return { name, text, body: jsonBody(name, value, blockTypes) };
}

function jsonBody(name: string, value: unknown, types: readonly string[]): Body {
  const attributes: Attribute[] = [];
  const blocks: Block[] = [];
  for (const [key, inside] of entriesOf(name, value)) {
    if (types.includes(key))
      for (const [label, content] of entriesOf(name, inside))
        for (const one of Array.isArray(content) ? content : [content])
          blocks.push({ type: key, labels: [label], at: 0, body: jsonBody(name, one, []) });
    else if (key !== "//")
      attributes.push({ name: key, at: 0, value: jsonExpression(name, inside) });
  }
  return { attributes, blocks };
}

function entriesOf(name: string, value: unknown): [string, unknown][] {
  if (Array.isArray(value)) return value.flatMap((one) => entriesOf(name, one));
  if (typeof value === "object" && value !== null) return Object.entries(value);
  throw new CooperError(
    "invalid-argument",
    `${name}: expected an object, found ${JSON.stringify(value)}`,
  );
}

const templateText = (name: string, text: string) =>
  parseTemplate(new Scanner(name, text, parseExpression));

function jsonExpression(name: string, value: unknown): Expression {
  if (typeof value === "string") return templateText(name, value);
  if (Array.isArray(value))
    return { kind: "list", at: 0, items: value.map((one) => jsonExpression(name, one)) };
  if (typeof value === "object" && value !== null) {
    const items = Object.entries(value).map(([key, one]) => ({
      key: templateText(name, key),
      value: jsonExpression(name, one),
    }));
    return { kind: "object", at: 0, items };
  }
  return { kind: "literal", at: 0, value: value as number | boolean | null };
}
