/** What a variable of a bake file is worth: given values are texts, and become what the variable is. Pure. */
import { CooperError, messageOf } from "../errors.ts";
import type { Expression, Value } from "./hcl/syntax.ts";
import { asBoolean, asNumber, asString, fromJson, isList, isObject } from "./hcl/value.ts";

interface Parts {
  /** Of --var or the environment. */
  readonly given: string | undefined;
  readonly byDefault: Value;
  readonly type: Expression | null;
}

/** @throws CooperError invalid-argument */
export function variableFrom(name: string, { given, byDefault, type }: Parts): Value {
  const kind = type === null ? kindOf(byDefault) : kindOfType(type);
  try {
    return given === undefined ? checked(kind, byDefault) : parsed(kind, given);
  } catch (cause) {
    const value = given === undefined ? "its default" : JSON.stringify(given);
    throw new CooperError(
      "invalid-argument",
      `the variable ${name} cannot be ${value}: ${messageOf(cause)}`,
      { cause },
    );
  }
}

type Kind = "string" | "number" | "bool" | "list" | "object" | "any";

function kindOf(value: Value): Kind {
  if (typeof value === "number") return "number";
  if (typeof value === "boolean") return "bool";
  if (isList(value)) return "list";
  return isObject(value) ? "object" : "string";
}

/** `string`, `list(string)`, `object({…})`; of what is inside nothing is asked. */
function kindOfType(type: Expression): Kind {
  const name = type.kind === "variable" || type.kind === "call" ? type.name : "";
  if (name === "list" || name === "set" || name === "tuple") return "list";
  if (name === "map" || name === "object") return "object";
  if (name === "string" || name === "number" || name === "bool" || name === "any") return name;
  throw new CooperError(
    "invalid-argument",
    "a variable's type is string, number, bool, list(…), set(…), map(…), object(…) or any",
  );
}

function checked(kind: Kind, value: Value): Value {
  if (value === null || kind === "any") return value;
  if (kind === "string") return asString(value);
  if (kind === "number") return asNumber(value);
  if (kind === "bool") return asBoolean(value);
  if (kind === "list" ? isList(value) : isObject(value)) return value;
  throw new Error(`it is no ${kind}`);
}

/** Lists are written with commas, or as JSON; objects as JSON. */
function parsed(kind: Kind, text: string): Value {
  if (kind === "list" && !text.trimStart().startsWith("["))
    return text === "" ? [] : text.split(",");
  if (kind === "list" || kind === "object") return checked(kind, fromJson(JSON.parse(text)));
  return checked(kind, text);
}
