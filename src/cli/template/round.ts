/** Decimal places as Go rounds them: an exact tie goes to the even digit, JavaScript's goes up. */

/** The tie is exact when the digits after its 5 are zeros; no double has more than this many of them. */
const tailLength = 20;

/** `size`, not negative, with `places` digits after the point; at most 80. */
export function toFixedEven(size: number, places: number): string {
  const exact = size.toFixed(places + tailLength);
  const digits = exact.slice(0, -tailLength).replace(/\.$/, "");
  const isTie = /^50*$/.test(exact.slice(-tailLength));
  const isEven = Number(digits.at(-1)) % 2 === 0;
  return isTie && isEven ? digits : size.toFixed(places);
}

/** `size`, not negative, with that many significant digits; without trailing zeros or exponent. */
export function significant(size: number, digits: number): number {
  const exponent = Number(size.toExponential().split("e")[1]);
  const places = digits - 1 - exponent;
  const isPlain = places >= 0 && places <= 80;
  return Number(isPlain ? toFixedEven(size, places) : size.toPrecision(digits));
}
