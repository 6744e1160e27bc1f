/** Functions that bake files may call (buildx, "bake/hclparser/stdlib.go"; go-cty's standard library), by name. */
import { counted, type HclFunction } from "./function.ts";
import { collectionFunctions } from "./functions-of-collections.ts";
import { textFunctions } from "./functions-of-text.ts";
import type { Value } from "./syntax.ts";
import { asBoolean, asNumber, asString, isEqual } from "./value.ts";

const ofNumber = (act: (value: number) => Value) =>
  counted(1, (value = null) => act(asNumber(value)));
const ofTwo = (act: (a: number, b: number) => Value) =>
  counted(2, (a = null, b = null) => act(asNumber(a), asNumber(b)));
const ofBooleans = (act: (a: boolean, b: boolean) => Value) =>
  counted(2, (a = null, b = null) => act(asBoolean(a), asBoolean(b)));

function divide(a: number, b: number, act: (a: number, b: number) => number): number {
  if (b === 0) throw new Error("nothing can be divided by zero");
  return act(a, b);
}

const numberFunctions: Readonly<Record<string, HclFunction>> = {
  absolute: ofNumber(Math.abs),
  add: ofTwo((a, b) => a + b),
  ceil: ofNumber(Math.ceil),
  divide: ofTwo((a, b) => divide(a, b, (x, y) => x / y)),
  floor: ofNumber(Math.floor),
  greaterthan: ofTwo((a, b) => a > b),
  greaterthanorequalto: ofTwo((a, b) => a >= b),
  int: ofNumber(Math.trunc),
  lessthan: ofTwo((a, b) => a < b),
  lessthanorequalto: ofTwo((a, b) => a <= b),
  log: ofTwo((value, base) => Math.log(value) / Math.log(base)),
  max: (args) => extreme(args, Math.max),
  min: (args) => extreme(args, Math.min),
  modulo: ofTwo((a, b) => divide(a, b, (x, y) => x % y)),
  multiply: ofTwo((a, b) => a * b),
  negate: ofNumber((value) => -value),
  parseint: counted(2, (text = null, base = null) => {
    const radix = asNumber(base);
    const digits = asString(text).toLowerCase();
    const value = Number.parseInt(digits, radix);
    if (value.toString(radix) !== digits.replace(/^\+?0*(?=.)/, ""))
      throw new Error(`${JSON.stringify(digits)} is no number of base ${radix}`);
    return value;
  }),
  pow: ofTwo((a, b) => a ** b),
  signum: ofNumber(Math.sign),
  subtract: ofTwo((a, b) => a - b),
};

function extreme(args: readonly Value[], pick: (...numbers: number[]) => number): number {
  if (args.length === 0) throw new Error("it takes at least one argument");
  return pick(...args.map(asNumber));
}

const logicFunctions: Readonly<Record<string, HclFunction>> = {
  and: ofBooleans((a, b) => a && b),
  or: ofBooleans((a, b) => a || b),
  not: counted(1, (value = null) => !asBoolean(value)),
  equal: counted(2, (a = null, b = null) => isEqual(a, b)),
  notequal: counted(2, (a = null, b = null) => !isEqual(a, b)),
};

const notYet =
  (reason: string): HclFunction =>
  () => {
    throw new Error(reason);
  };

const absent: Readonly<Record<string, HclFunction>> = Object.fromEntries(
  [
    ..."bcrypt rsadecrypt cidrhost cidrnetmask cidrsubnet cidrsubnets convert csvdecode uuidv5".split(
      " ",
    ),
    ..."formatdate setproduct setsymmetricdifference".split(" "),
  ].map((name) => [name, notYet("this function of buildx is not available")]),
);

export const functions: Readonly<Record<string, HclFunction>> = {
  ...numberFunctions,
  ...logicFunctions,
  ...textFunctions,
  ...collectionFunctions,
  ...absent,
};
