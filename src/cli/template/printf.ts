/** `printf` with Go's verbs, flags and complaints. */
import { functionFailure } from "./failure.ts";
import { formatNumber, formatWith, goExponent, typeName } from "./print.ts";
import { toFixedEven } from "./round.ts";

/** Go refuses wider fields, too (`%!(BADWIDTH)`); ours are narrower, as nobody reads a longer line. */
const maxWidth = 10_000;

interface Directive {
  readonly flags: string;
  readonly width: number;
  /** -1 when not given. */
  readonly precision: number;
  readonly verb: string;
}

const directive = /%([-+# 0]*)(\*|\d*)(?:(\.)(\*|\d*))?(.?)/gsu;

/** Formats as Go's fmt.Sprintf. Mistakes do not throw, they show in the text, as `%!d(string=a)`. */
export function sprintf(format: string, args: readonly unknown[]): string {
  let used = 0;
  const take = (size: string): number => {
    const value = size === "*" ? Number(args[used++]) : Number(size);
    if (!Number.isInteger(value) || Math.abs(value) > maxWidth) {
      throw functionFailure(`width or precision ${size === "*" ? value : size} is out of range`);
    }
    return value;
  };
  const text = format.replace(directive, (_, flags, width, point, precision, verb) => {
    const asked = take(width);
    const spec: Directive = {
      flags: asked < 0 ? `${flags}-` : flags,
      width: Math.abs(asked),
      precision: point === undefined ? -1 : take(precision),
      verb,
    };
    if (verb === "") return "%!(NOVERB)";
    if (verb === "%") return "%";
    if (used >= args.length) return `%!${verb}(MISSING)`;
    return formatArgument(args[used++], spec);
  });
  if (used >= args.length) return text;
  const extra = args.slice(used).map((arg) => `${typeName(arg)}=${formatArgument(arg, plain)}`);
  return `${text}%!(EXTRA ${extra.join(", ")})`;
}

const plain: Directive = { flags: "", width: 0, precision: -1, verb: "v" };

function formatArgument(value: unknown, spec: Directive): string {
  if (spec.verb === "T") return padded(typeName(value), spec);
  return formatWith(value, (scalar) => padded(formatScalar(scalar, spec), spec, scalar));
}

function formatScalar(value: unknown, spec: Directive): string {
  const text = scalarText(value, spec);
  if (text !== undefined) return text;
  if (value === undefined || value === null) return `%!${spec.verb}(<nil>)`;
  return `%!${spec.verb}(${typeName(value)}=${scalarText(value, plain)})`;
}

/** Undefined when the verb does not fit the value. */
function scalarText(value: unknown, spec: Directive): string | undefined {
  switch (typeof value) {
    case "string":
      return stringText(value, spec);
    case "boolean":
      return spec.verb === "t" || spec.verb === "v" ? String(value) : undefined;
    case "bigint":
      return integerText(value, spec);
    case "number":
      if (Number.isInteger(value) && !/[feg]/i.test(spec.verb)) {
        return integerText(BigInt(value), spec);
      }
      return floatText(value, spec);
    default:
      return spec.verb === "v" ? "<nil>" : undefined;
  }
}

function stringText(value: string, { verb, flags, precision }: Directive): string | undefined {
  const text = precision < 0 ? value : [...value].slice(0, precision).join("");
  switch (verb) {
    case "v":
      return flags.includes("#") ? quote(text) : text;
    case "s":
      return text;
    case "q":
      return quote(text);
    case "x":
      return Buffer.from(text).toString("hex");
    case "X":
      return Buffer.from(text).toString("hex").toUpperCase();
    default:
      return undefined;
  }
}

const bases: Readonly<Record<string, readonly [base: number, prefix: string]>> = {
  v: [10, ""],
  d: [10, ""],
  b: [2, "0b"],
  o: [8, "0"],
  O: [8, "0o"],
  x: [16, "0x"],
  X: [16, "0X"],
};

function integerText(value: bigint, spec: Directive): string | undefined {
  const { verb, flags, precision } = spec;
  if (verb === "c" || verb === "q") return characterText(value, verb);
  const magnitude = value < 0n ? -value : value;
  if (verb === "U") return `U+${magnitude.toString(16).toUpperCase().padStart(4, "0")}`;
  const known = Object.hasOwn(bases, verb) ? bases[verb] : undefined;
  if (!known) return undefined;
  const [base, prefix] = known;
  const digits = magnitude.toString(base).padStart(Math.max(precision, 0), "0");
  const hasPrefix = verb === "O" || (flags.includes("#") && base !== 10);
  const text = `${hasPrefix ? prefix : ""}${verb === "X" ? digits.toUpperCase() : digits}`;
  return withSign(text, value < 0n, flags);
}

function characterText(value: bigint, verb: "c" | "q"): string {
  const isValid = value >= 0n && value <= 0x10ffffn;
  const text = isValid ? String.fromCodePoint(Number(value)) : "\ufffd";
  return verb === "c"
    ? text
    : `'${quote(text).slice(1, -1).replace("'", "\\'").replace('\\"', '"')}'`;
}

function floatText(value: number, { verb, flags, precision }: Directive): string | undefined {
  const size = Math.abs(value);
  const places = Math.min(precision < 0 ? 6 : precision, 80); // toFixedEven() takes no more
  const isNegative = value < 0 || Object.is(value, -0);
  const sign = (text: string) => withSign(text, isNegative, flags);
  if (!Number.isFinite(value)) return formatNumber(value);
  switch (verb) {
    case "f":
    case "F":
      return sign(toFixedEven(size, places));
    case "e":
      return sign(goExponent(size.toExponential(places)));
    case "E":
      return sign(goExponent(size.toExponential(places)).toUpperCase());
    case "v":
    case "g":
      return sign(precision < 0 ? formatNumber(size) : shortText(size, places));
    case "G":
      return sign((precision < 0 ? formatNumber(size) : shortText(size, places)).toUpperCase());
    default:
      return undefined;
  }
}

/** `%.3g`: that many significant digits, without trailing zeros. */
function shortText(size: number, digits: number): string {
  const text = size.toPrecision(Math.max(digits, 1));
  const [mantissa = "", exponent] = text.split("e");
  const short = mantissa.includes(".") ? mantissa.replace(/\.?0+$/, "") : mantissa;
  return exponent === undefined ? short : goExponent(`${short}e${exponent}`);
}

function withSign(text: string, isNegative: boolean, flags: string): string {
  if (isNegative) return `-${text}`;
  if (flags.includes("+")) return `+${text}`;
  return flags.includes(" ") ? ` ${text}` : text;
}

function padded(text: string, { flags, width }: Directive, value?: unknown): string {
  if (width === 0) return text; // most often, and counting characters takes time
  const missing = width - [...text].length;
  if (missing <= 0) return text;
  if (flags.includes("-")) return text + " ".repeat(missing);
  const isNumber = typeof value === "number" || typeof value === "bigint";
  if (!flags.includes("0") || !isNumber) return " ".repeat(missing) + text;
  const sign = /^[+-]/.exec(text)?.[0] ?? "";
  return sign + "0".repeat(missing) + text.slice(sign.length);
}

const shortEscapes: Readonly<Record<string, string>> = {
  "\x07": "\\a",
  "\b": "\\b",
  "\f": "\\f",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\v": "\\v",
  '"': '\\"',
  "\\": "\\\\",
};

/** The text as a Go string literal: what is not printable becomes an escape sequence. */
function quote(text: string): string {
  const inner = text.replace(/["\\]|(?! )[\p{C}\p{Z}]/gu, (char) => {
    const short = shortEscapes[char];
    if (short !== undefined) return short;
    const hex = (char.codePointAt(0) ?? 0).toString(16);
    if (hex.length <= 2 && Number.parseInt(hex, 16) < 0x80) return `\\x${hex.padStart(2, "0")}`;
    return hex.length <= 4 ? `\\u${hex.padStart(4, "0")}` : `\\U${hex.padStart(8, "0")}`;
  });
  return `"${inner}"`;
}
