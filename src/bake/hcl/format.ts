/** HCL's format(): verbs of Go's fmt, as go-cty reads them. Pure. */
import type { Value } from "./syntax.ts";
import { asBoolean, asNumber, asString, toJson } from "./value.ts";

const maxWidth = 10_000;

/** @throws Error */
export function format(pattern: string, args: readonly Value[]): string {
  let next = 0;
  const text = pattern.replace(
    /%([-+ 0#]*)(\d+)?(?:\.(\d+))?(?:\[(\d+)\])?(.?)/gsu,
    (whole, flags: string, width: string | undefined, precision, position, verb: string) => {
      if (verb === "%") return "%";
      const index = position === undefined ? next : Number(position) - 1;
      next = index + 1;
      if (index >= args.length) throw new Error(`there is no argument for ${whole}`);
      const digits = precision === undefined ? undefined : Number(precision);
      if (Number(width ?? 0) > maxWidth || (digits ?? 0) > 100)
        throw new Error(`${whole} is too wide`);
      const shown = one(verb, args[index] ?? null, flags, digits, whole);
      return padded(shown, flags, Number(width ?? 0));
    },
  );
  if (next < args.length) throw new Error("there are more arguments than verbs");
  return text;
}

function one(
  verb: string,
  value: Value,
  flags: string,
  precision: number | undefined,
  whole: string,
): string {
  const sign = (text: string) => (flags.includes("+") && !text.startsWith("-") ? `+${text}` : text);
  const integer = (base: number) => sign(Math.trunc(asNumber(value)).toString(base));
  switch (verb) {
    case "v":
      return typeof value === "object" ? JSON.stringify(toJson(value)) : asString(value);
    case "s":
      return precision === undefined
        ? asString(value)
        : [...asString(value)].slice(0, precision).join("");
    case "q":
      return JSON.stringify(asString(value));
    case "t":
      return `${asBoolean(value)}`;
    case "d":
      return integer(10);
    case "b":
      return integer(2);
    case "o":
      return integer(8);
    case "x":
      return typeof value === "string" && !/^-?\d+$/.test(value)
        ? Buffer.from(value).toString("hex")
        : integer(16);
    case "X":
      return integer(16).toUpperCase();
    case "f":
      return sign(asNumber(value).toFixed(precision ?? 6));
    case "e":
      return sign(asNumber(value).toExponential(precision ?? 6));
    case "g":
      return sign(asString(asNumber(value)));
    default:
      throw new Error(`${whole} is not known`);
  }
}

function padded(text: string, flags: string, width: number): string {
  if (flags.includes("-")) return text.padEnd(width);
  if (!flags.includes("0")) return text.padStart(width);
  const sign = /^[+-]/.exec(text)?.[0] ?? "";
  return sign + text.slice(sign.length).padStart(width - sign.length, "0");
}
