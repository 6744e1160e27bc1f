/** The functions a template may call: Go's own, and those that docker and podman add. */
import { isEqual, isLess } from "./compare.ts";
import { functionFailure } from "./failure.ts";
import { formatDefault, isRecord, isTrue, sortedKeys, typeName } from "./print.ts";
import { sprintf } from "./printf.ts";

/** A function and how many arguments it takes. Failures are CooperErrors without a place. */
export interface TemplateFunction {
  readonly min: number;
  readonly max: number;
  readonly call: (args: readonly unknown[]) => unknown;
}

/** `pad` may add this many characters; memory would be the limit otherwise. */
const maxPadding = 10_000;

function define(min: number, max: number, call: TemplateFunction["call"]): TemplateFunction {
  return { min, max, call };
}

/**
 * By name. A Map, so that no name reaches a prototype. `and` and `or` are here for their arity; the
 * evaluator runs them, since they leave arguments unevaluated.
 */
export const functions: ReadonlyMap<string, TemplateFunction> = new Map(
  Object.entries({
    and: define(1, Infinity, evaluatorOnly),
    or: define(1, Infinity, evaluatorOnly),
    not: define(1, 1, ([value]) => !isTrue(value)),
    call: define(1, Infinity, ([value]) => {
      throw functionFailure(`non-function of type ${typeName(value)}`);
    }),

    eq: define(1, Infinity, equalToAny),
    ne: define(2, 2, ([left, right]) => !isEqual(left, right)),
    lt: define(2, 2, ([left, right]) => isLess(left, right)),
    le: define(2, 2, ([left, right]) => isLess(left, right) || isEqual(left, right)),
    gt: define(2, 2, ([left, right]) => isLess(right, left)),
    ge: define(2, 2, ([left, right]) => isLess(right, left) || isEqual(left, right)),

    index: define(1, Infinity, ([value, ...keys]) => keys.reduce(valueAt, value)),
    len: define(1, 1, ([value]) => lengthOf(value)),
    slice: define(1, 4, ([value, ...bounds]) => sliceOf(value, bounds)),

    print: define(0, Infinity, sprint),
    println: define(0, Infinity, (args) => `${args.map(formatDefault).join(" ")}\n`),
    printf: define(1, Infinity, ([format, ...args]) => sprintf(asText(format), args)),

    html: define(0, Infinity, (args) => escapeHtml(sprint(args))),
    js: define(0, Infinity, (args) => escapeScript(sprint(args))),
    urlquery: define(0, Infinity, (args) => escapeQuery(sprint(args))),

    json: define(1, 1, ([value]) => encodeJson(value)),
    split: define(2, 2, ([text, by]) => splitText(asText(text), asText(by))),
    join: define(2, 2, ([list, by]) => asList(list).map(formatDefault).join(asText(by))),
    lower: define(1, 1, ([text]) => asText(text).toLowerCase()),
    upper: define(1, 1, ([text]) => asText(text).toUpperCase()),
    title: define(1, 1, ([text]) => titleCase(asText(text))),
    pad: define(3, 3, ([text, left, right]) => padText(asText(text), left, right)),
    truncate: define(2, 2, ([text, length]) => truncateText(asText(text), asCount(length))),
  }),
);

function evaluatorOnly(): never {
  throw functionFailure("its arguments are evaluated one by one");
}

/** JSON, compact unless `indent` gives the spaces of a level. HTML's characters stay as they are, as in docker and podman. */
export function encodeJson(value: unknown, indent?: number): string {
  const text = JSON.stringify(value ?? null, encodableValue, indent) ?? "null";
  // Go's encoder escapes these two whatever it is told.
  return text.replaceAll("\u2028", "\\u2028").replaceAll("\u2029", "\\u2029");
}

function encodableValue(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? Number(value) : value;
}

function equalToAny([left, ...others]: readonly unknown[]): boolean {
  if (others.length === 0) throw functionFailure("missing argument for comparison");
  return others.some((other) => isEqual(left, other));
}

/** `index`: what stands in a list at a position, in a map under a key, the byte of a text. */
function valueAt(value: unknown, key: unknown): unknown {
  if (value === undefined || value === null) throw functionFailure("index of untyped nil");
  if (Array.isArray(value)) return value[positionIn(key, value.length)];
  if (typeof value === "string") {
    const bytes = Buffer.from(value);
    return bytes[positionIn(key, bytes.length)];
  }
  if (!isRecord(value)) throw functionFailure(`can't index item of type ${typeName(value)}`);
  return lookUp(value, asText(key));
}

/**
 * The value under `key`. A missing one is "" in a map of texts (labels, options), whose values Go
 * knows to be strings, and nothing in any other.
 */
export function lookUp(map: Record<string, unknown>, key: string): unknown {
  if (Object.hasOwn(map, key)) return map[key];
  const holdsTexts = sortedKeys(map).every((other) => typeof map[other] === "string");
  return holdsTexts ? "" : undefined;
}

function positionIn(key: unknown, length: number): number {
  if (typeof key !== "number" || !Number.isInteger(key)) {
    throw functionFailure(`cannot index slice/array with type ${typeName(key)}`);
  }
  if (key < 0 || key >= length) throw functionFailure(`index out of range: ${key}`);
  return key;
}

function lengthOf(value: unknown): number {
  if (typeof value === "string") return Buffer.byteLength(value);
  if (Array.isArray(value)) return value.length;
  if (isRecord(value)) return Object.keys(value).length;
  if (value === undefined || value === null) throw functionFailure("len of nil pointer");
  throw functionFailure(`len of type ${typeName(value)}`);
}

function sliceOf(value: unknown, bounds: readonly unknown[]): unknown {
  const isText = typeof value === "string";
  if (!isText && !Array.isArray(value)) {
    throw functionFailure(`can't slice item of type ${typeName(value)}`);
  }
  if (isText && bounds.length > 2) throw functionFailure("cannot 3-index slice a string");
  const items = isText ? Buffer.from(value) : value;
  // The third bound is a capacity, which our lists do not have; it is only checked.
  const all = bounds.map((bound) => positionIn(bound, items.length + 1));
  const [start = 0, end = items.length] = all;
  if (start > end) throw functionFailure(`invalid slice index: ${start} > ${end}`);
  const part = items.slice(start, end);
  return isText ? part.toString() : part;
}

/** Go's fmt.Sprint: a space between two operands when neither is a text. */
function sprint(args: readonly unknown[]): string {
  return args
    .map((arg, at) => {
      const isApart = at > 0 && typeof arg !== "string" && typeof args[at - 1] !== "string";
      return (isApart ? " " : "") + formatDefault(arg);
    })
    .join("");
}

const htmlEscapes: Readonly<Record<string, string>> = {
  "<": "&lt;",
  ">": "&gt;",
  "&": "&amp;",
  '"': "&#34;",
  "'": "&#39;",
  "\0": "\ufffd",
};

function escapeHtml(text: string): string {
  return text.replace(/[<>&"'\0]/g, (char) => htmlEscapes[char] ?? char);
}

function escapeScript(text: string): string {
  return text.replace(/[\\'"]|[<>&=]|(?! )[\p{C}\p{Z}]/gu, (char) => {
    if ("\\'\"".includes(char)) return `\\${char}`;
    return `\\u${(char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}`;
  });
}

function escapeQuery(text: string): string {
  return encodeURIComponent(text.toWellFormed())
    .replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll("%20", "+");
}

function splitText(text: string, by: string): string[] {
  return by === "" ? [...text] : text.split(by);
}

/** Go's strings.Title: the first letter of every word in upper case, the others as they are. */
function titleCase(text: string): string {
  return text.replace(/(?<![\p{L}\p{N}_])\p{L}/gu, (letter) => letter.toUpperCase());
}

function padText(text: string, left: unknown, right: unknown): string {
  const [before, after] = [asCount(left), asCount(right)];
  if (before > maxPadding || after > maxPadding) {
    throw functionFailure(`padding is limited to ${maxPadding} characters`);
  }
  return text === "" ? "" : " ".repeat(before) + text + " ".repeat(after);
}

function truncateText(text: string, length: number): string {
  return [...text].slice(0, length).join("");
}

function asText(value: unknown): string {
  if (typeof value === "string") return value;
  if (value === undefined || value === null)
    throw functionFailure("invalid value; expected string");
  throw functionFailure(`wrong type for value; expected string; got ${typeName(value)}`);
}

function asList(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  if (value === undefined || value === null) return []; // a list that is nil in Go
  throw functionFailure(`wrong type for value; expected []string; got ${typeName(value)}`);
}

function asCount(value: unknown): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= 0) return value;
  throw functionFailure(`expected a count, got ${formatDefault(value)}`);
}
