/** The values of Go's literals: quoted strings, characters and numbers. */

const simpleEscapes: Readonly<Record<string, string>> = {
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
  "\\": "\\",
  "'": "'",
  '"': '"',
};

const escapeSequence =
  /\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})|(.))/gs;

/** The text of `"…"` or of a raw `` `…` ``; undefined when an escape sequence in it is none of Go's. */
export function unquote(quoted: string): string | undefined {
  const inner = quoted.slice(1, -1);
  if (quoted.startsWith("`")) return inner.replaceAll("\r", "");
  let isValid = true;
  const text = inner.replace(escapeSequence, (_, byte, short, long, octal, simple) => {
    const point = octal
      ? Number.parseInt(octal, 8)
      : Number.parseInt(byte ?? short ?? long ?? "", 16);
    if (!Number.isNaN(point)) {
      isValid &&= point <= 0x10ffff;
      return isValid ? String.fromCodePoint(point) : "";
    }
    const known = Object.hasOwn(simpleEscapes, simple) ? simpleEscapes[simple] : undefined;
    isValid &&= known !== undefined;
    return known ?? "";
  });
  return isValid ? text : undefined;
}

/** The code point of `'x'`; undefined unless it is exactly one character. */
export function unquoteChar(quoted: string): number | undefined {
  const text = unquote(quoted);
  const point = text?.codePointAt(0);
  if (text === undefined || point === undefined) return undefined;
  return String.fromCodePoint(point) === text ? point : undefined;
}

/** The number, a bigint where it is beyond exact doubles; undefined when it is not one. */
export function parseNumber(text: string): number | bigint | undefined {
  const sign = text.startsWith("-") ? -1 : 1;
  const digits = text.replace(/^[+-]/, "");
  // Go allows `_` between digits only.
  if (/__|_$|^_|[^0-9a-fA-FxXbBoO]_|_[^0-9a-fA-F]/.test(digits)) return undefined;
  const plain = digits.replaceAll("_", "");
  if (/^(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(plain) && !/^\d+$/.test(plain)) {
    const value = sign * Number(plain);
    return Number.isFinite(value) ? value : undefined;
  }
  return parseInteger(plain, sign);
}

function parseInteger(digits: string, sign: number): number | bigint | undefined {
  // A leading zero alone means octal in Go.
  const spelled = /^0[0-7]+$/.test(digits) ? `0o${digits.slice(1)}` : digits;
  if (!/^(?:0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO][0-7]+|0|[1-9]\d*)$/.test(spelled)) return undefined;
  // A 64-bit number has at most 64 digits, in base 2; more would make BigInt() slow.
  if (spelled.length > 66) return undefined;
  const value = BigInt(sign) * BigInt(spelled);
  if (BigInt.asIntN(64, value) !== value && BigInt.asUintN(64, value) !== value) return undefined;
  return Number.isSafeInteger(Number(value)) ? Number(value) : value;
}
