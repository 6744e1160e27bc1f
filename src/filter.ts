/** Filters of listings and prunes, `KEY=VALUE` as both peers take them. */
import { CooperError } from "./errors.ts";

/** What each key of a noun means. */
export type FilterTests<T> = Readonly<Record<string, (item: T, value: string) => boolean>>;

/**
 * Values of one key are alternatives, different keys must all hold; of labels all must hold
 * (docker-ps(1), "--filter").
 *
 * @throws CooperError invalid-argument for a filter without a value, or a key that nobody knows
 */
export function filterBy<T>(
  filters: readonly string[],
  tests: FilterTests<T>,
): (item: T) => boolean {
  const byKey = new Map<string, string[]>();
  for (const filter of filters) {
    const equals = filter.indexOf("=");
    if (equals <= 0)
      throw new CooperError("invalid-argument", `invalid filter "${filter}": it must be key=value`);
    const key = filter.slice(0, equals);
    if (!Object.hasOwn(tests, key)) {
      throw new CooperError("invalid-argument", `unknown filter "${key}"`, {
        hint: Object.keys(tests).join(", "),
      });
    }
    byKey.set(key, [...(byKey.get(key) ?? []), filter.slice(equals + 1)]);
  }
  const wanted = [...byKey].flatMap(([key, values]) => {
    const test = tests[key];
    return test === undefined ? [] : [{ test, values, isAll: /^label!?$/.test(key) }];
  });
  return (item) =>
    wanted.every(({ test, values, isAll }) =>
      isAll
        ? values.every((value) => test(item, value))
        : values.some((value) => test(item, value)),
    );
}

/** `true` and `false` in a filter, as Go spells them. */
export function filterTruth(value: string): boolean {
  if (["1", "t", "true", "True", "TRUE"].includes(value)) return true;
  if (["0", "f", "false", "False", "FALSE"].includes(value)) return false;
  throw new CooperError("invalid-argument", `"${value}" in a filter is neither true nor false`);
}

/** A regular expression from outside: bounded, and an error where it is none. */
export function filterPattern(text: string): RegExp {
  try {
    return new RegExp(text.slice(0, 256));
  } catch {
    throw new CooperError("invalid-argument", `invalid pattern "${text}" in a filter`);
  }
}

/** `KEY` or `KEY=VALUE` among labels or options. */
export function hasPair(pairs: Readonly<Record<string, string>>, text: string): boolean {
  const equals = text.indexOf("=");
  const key = equals < 0 ? text : text.slice(0, equals);
  return Object.hasOwn(pairs, key) && (equals < 0 || pairs[key] === text.slice(equals + 1));
}
