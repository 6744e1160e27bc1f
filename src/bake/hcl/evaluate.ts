/** What HCL's expressions come to. */
import { type CooperError, messageOf } from "../../errors.ts";
import { functions } from "./functions.ts";
import type {
  BinaryOperator,
  Expression,
  ForClause,
  Offset,
  TemplatePart,
  Value,
} from "./syntax.ts";
import {
  asBoolean,
  asList,
  asNumber,
  asString,
  entries,
  isEqual,
  isList,
  isObject,
} from "./value.ts";

/** What names stand for where an expression is. */
export interface Scope {
  /** Undefined: there is none of that name. */
  variable(name: string): Value | undefined;
  /** A function of the file's own. Undefined: there is none of that name. */
  call(name: string, args: readonly Value[]): Value | undefined;
  error(at: Offset, message: string): CooperError;
}

/** What stands for the one of a splat; no name of a file can be it. */
const each = "*";

/** @throws CooperError that shows the place */
export function evaluate(expression: Expression, scope: Scope): Value {
  const of = (one: Expression) => evaluate(one, scope);
  switch (expression.kind) {
    case "literal":
      return expression.value;
    case "template":
      return textOf(expression.parts, scope);
    case "each":
      return scope.variable(each) ?? null;
    case "variable": {
      const value = scope.variable(expression.name);
      if (value !== undefined) return value;
      throw scope.error(expression.at, `there is no variable named ${expression.name}`);
    }
    case "attribute":
      return member(of(expression.of), expression.name, expression.at, scope);
    case "index":
      return member(of(expression.of), of(expression.key), expression.at, scope);
    case "splat": {
      const value = of(expression.of);
      const all = value === null ? [] : isList(value) ? value : [value];
      return all.map((one) => evaluate(expression.each, within(scope, new Map([[each, one]]))));
    }
    case "list":
      return expression.items.map(of);
    case "object":
      return new Map(
        expression.items.map(({ key, value }) => [
          told(key.at, scope, () => asString(of(key))),
          of(value),
        ]),
      );
    case "for":
      return comprehension(expression, scope);
    case "unary":
      return told(expression.at, scope, () => {
        const value = of(expression.of);
        return expression.operator === "!" ? !asBoolean(value) : -asNumber(value);
      });
    case "binary":
      return told(expression.at, scope, () =>
        calculate(expression.operator, of(expression.left), () => of(expression.right)),
      );
    case "conditional":
      return told(expression.condition.at, scope, () => asBoolean(of(expression.condition)))
        ? of(expression.met)
        : of(expression.otherwise);
    case "call":
      return call(expression, scope);
  }
}

/** What is thrown inside gets its place, unless it has one. */
function told<T>(at: Offset, scope: Scope, act: () => T): T {
  try {
    return act();
  } catch (error) {
    if (error instanceof Error && error.constructor === Error)
      throw scope.error(at, messageOf(error));
    throw error;
  }
}

/** The scope with further names, which hide those of before. */
export function within(scope: Scope, names: ReadonlyMap<string, Value>): Scope {
  return {
    variable: (name) => names.get(name) ?? (names.has(name) ? null : scope.variable(name)),
    call: (name, args) => scope.call(name, args),
    error: (at, message) => scope.error(at, message),
  };
}

function member(of: Value, key: Value, at: Offset, scope: Scope): Value {
  if (isList(of)) {
    const index = told(at, scope, () => asNumber(key));
    const found = Number.isInteger(index) && index >= 0 ? of[index] : undefined;
    if (found !== undefined) return found;
    throw scope.error(at, `there is no element ${index}: the list has ${of.length}`);
  }
  const name = told(at, scope, () => asString(key));
  if (!isObject(of)) throw scope.error(at, `what is before ${name} has no attributes`);
  const found = of.get(name);
  if (found !== undefined) return found;
  throw scope.error(at, `there is no attribute ${name}`);
}

/** The right side is looked at only where it matters. */
function calculate(operator: BinaryOperator, left: Value, right: () => Value): Value {
  switch (operator) {
    case "||":
      return asBoolean(left) || asBoolean(right());
    case "&&":
      return asBoolean(left) && asBoolean(right());
    case "==":
      return isEqual(left, right());
    case "!=":
      return !isEqual(left, right());
    case "<":
      return asNumber(left) < asNumber(right());
    case ">":
      return asNumber(left) > asNumber(right());
    case "<=":
      return asNumber(left) <= asNumber(right());
    case ">=":
      return asNumber(left) >= asNumber(right());
    case "+":
      return asNumber(left) + asNumber(right());
    case "-":
      return asNumber(left) - asNumber(right());
    case "*":
      return asNumber(left) * asNumber(right());
    case "/":
    case "%": {
      const divisor = asNumber(right());
      if (divisor === 0) throw new Error("nothing can be divided by zero");
      return operator === "/" ? asNumber(left) / divisor : asNumber(left) % divisor;
    }
  }
}

function textOf(parts: readonly TemplatePart[], scope: Scope): string {
  return parts.map((part) => partText(part, scope)).join("");
}

function partText(part: TemplatePart, scope: Scope): string {
  switch (part.kind) {
    case "text":
      return part.text;
    case "value":
      return told(part.expression.at, scope, () => asString(evaluate(part.expression, scope)));
    case "if": {
      const { condition } = part;
      const isMet = told(condition.at, scope, () => asBoolean(evaluate(condition, scope)));
      return textOf(isMet ? part.met : part.otherwise, scope);
    }
    case "for":
      return rounds(part, scope)
        .map((inner) => textOf(part.body, inner))
        .join("");
  }
}

/** A scope for each element that the condition lets through. */
function rounds(clause: ForClause, scope: Scope): Scope[] {
  const { keyName, valueName, collection, condition } = clause;
  const all = told(collection.at, scope, () => entries(evaluate(collection, scope)));
  const scopes = all.map(([key, value]) =>
    within(
      scope,
      new Map([[valueName, value], ...(keyName === null ? [] : [[keyName, key] as const])]),
    ),
  );
  if (condition === null) return scopes;
  return scopes.filter((inner) =>
    told(condition.at, scope, () => asBoolean(evaluate(condition, inner))),
  );
}

function comprehension(expression: Extract<Expression, { kind: "for" }>, scope: Scope): Value {
  const { key, value, groups } = expression;
  const inners = rounds(expression, scope);
  if (key === null) return inners.map((inner) => evaluate(value, inner));
  const object = new Map<string, Value>();
  for (const inner of inners) {
    const name = told(key.at, scope, () => asString(evaluate(key, inner)));
    const one = evaluate(value, inner);
    if (groups) object.set(name, [...asList(object.get(name) ?? []), one]);
    else if (object.has(name))
      throw scope.error(key.at, `two elements have the key ${name}: group them with ...`);
    else object.set(name, one);
  }
  return object;
}

function call(expression: Extract<Expression, { kind: "call" }>, scope: Scope): Value {
  const { name, args, at, expandsLast } = expression;
  if (name === "try" || name === "can") return attempt(name, args, at, scope);
  const values = args.map((arg) => evaluate(arg, scope));
  if (expandsLast) values.push(...told(at, scope, () => asList(values.pop() ?? null)));
  return told(at, scope, () => {
    const own = scope.call(name, values);
    if (own !== undefined) return own;
    const known = Object.hasOwn(functions, name) ? functions[name] : undefined;
    if (known === undefined) throw new Error(`there is no function named ${name}`);
    try {
      return known(values);
    } catch (cause) {
      throw new Error(`${name}(): ${messageOf(cause)}`, { cause });
    }
  });
}

/** try(): the first that can be had. can(): whether it can. */
function attempt(
  name: "try" | "can",
  args: readonly Expression[],
  at: Offset,
  scope: Scope,
): Value {
  for (const arg of args) {
    try {
      const value = evaluate(arg, scope);
      return name === "can" ? true : value;
    } catch (error) {
      if (error instanceof RangeError) throw error; // the stack, which is no answer
    }
  }
  if (name === "can") return false;
  throw scope.error(at, "try(): none of these can be had");
}
