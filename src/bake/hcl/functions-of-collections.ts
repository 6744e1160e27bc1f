/** HCL's functions of lists and objects. */
import { counted, type HclFunction } from "./function.ts";
import type { Value } from "./syntax.ts";
import {
  asList,
  asNumber,
  asObject,
  asString,
  entries,
  isEqual,
  isList,
  isObject,
} from "./value.ts";

/** cty's bound for range(). */
const maxRange = 1024;

function unique(values: readonly Value[]): Value[] {
  const kept: Value[] = [];
  for (const value of values) if (!kept.some((other) => isEqual(other, value))) kept.push(value);
  return kept;
}

const has = (list: readonly Value[], value: Value) => list.some((one) => isEqual(one, value));

function flat(value: Value): Value[] {
  return isList(value) ? value.flatMap(flat) : [value];
}

function lengthOf(value: Value): number {
  if (isList(value)) return value.length;
  if (isObject(value)) return value.size;
  throw new Error("a list or an object is needed");
}

export const collectionFunctions: Readonly<Record<string, HclFunction>> = {
  chunklist: counted(2, (list = null, size = null) => {
    const all = asList(list);
    const count = asNumber(size);
    if (count < 0) throw new Error("the size is less than nothing");
    if (count === 0) return [all];
    return Array.from({ length: Math.ceil(all.length / count) }, (_, index) =>
      all.slice(index * count, (index + 1) * count),
    );
  }),
  coalesce(args) {
    const found = args.find((value) => value !== null);
    if (found === undefined) throw new Error("all arguments are null");
    return found;
  },
  coalescelist(args) {
    const found = args.find((value) => value !== null && asList(value).length > 0);
    if (found === undefined) throw new Error("all lists are empty");
    return found;
  },
  compact: counted(1, (list = null) =>
    asList(list).filter((value) => value !== "" && value !== null),
  ),
  concat: (args) => args.flatMap((list) => asList(list)),
  contains: counted(2, (list = null, value = null) => has(asList(list), value)),
  distinct: counted(1, (list = null) => unique(asList(list))),
  element: counted(2, (list = null, index = null) => {
    const all = asList(list);
    if (all.length === 0) throw new Error("the list is empty");
    const at = asNumber(index) % all.length;
    return all[at < 0 ? at + all.length : at] ?? null;
  }),
  flatten: counted(1, (list = null) => flat(asList(list))),
  hasindex: counted(2, (of = null, key = null) =>
    isObject(of) ? of.has(asString(key)) : asNumber(key) < asList(of).length && asNumber(key) >= 0,
  ),
  index: counted(2, (of = null, key = null) => {
    const found = isObject(of) ? of.get(asString(key)) : asList(of)[asNumber(key)];
    if (found === undefined) throw new Error("there is no such element");
    return found;
  }),
  indexof: counted(2, (list = null, value = null) => {
    const at = asList(list).findIndex((one) => isEqual(one, value));
    if (at < 0) throw new Error("item not found");
    return at;
  }),
  keys: counted(1, (of = null) => entries(asObject(of)).map(([key]) => key)),
  length: counted(1, (of = null) => lengthOf(of)),
  lookup([of = null, key = null, byDefault]) {
    const found = asObject(of).get(asString(key)) ?? byDefault;
    if (found === undefined) throw new Error(`there is no ${asString(key)}`);
    return found;
  },
  merge: (args) => new Map(args.flatMap((one) => (one === null ? [] : [...asObject(one)]))),
  range(args) {
    const numbers = args.map(asNumber);
    const [start = 0, end = 0] = numbers.length === 1 ? [0, numbers[0] ?? 0] : numbers;
    const step = numbers[2] ?? (end < start ? -1 : 1);
    if (step === 0) throw new Error("the step is zero");
    const count = Math.max(0, Math.ceil((end - start) / step));
    if (count > maxRange) throw new Error(`more than ${maxRange} values`);
    return Array.from({ length: count }, (_, index) => start + index * step);
  },
  reverselist: counted(1, (list = null) => asList(list).toReversed()),
  sethaselement: counted(2, (set = null, value = null) => has(asList(set), value)),
  setintersection: ([first = null, ...more]) =>
    unique(asList(first).filter((value) => more.every((set) => has(asList(set), value)))),
  setsubtract: counted(2, (a = null, b = null) =>
    unique(asList(a).filter((value) => !has(asList(b), value))),
  ),
  setunion: (args) => unique(args.flatMap((set) => asList(set))),
  slice: counted(3, (list = null, start = null, end = null) => {
    const all = asList(list);
    const [from, to] = [asNumber(start), asNumber(end)];
    if (from < 0 || to > all.length || from > to)
      throw new Error("the ends are not within the list");
    return all.slice(from, to);
  }),
  sort: counted(1, (list = null) => asList(list).map(asString).sort()),
  values: counted(1, (of = null) => entries(asObject(of)).map(([, value]) => value)),
  zipmap: counted(2, (keys = null, values = null) => {
    const [names, all] = [asList(keys), asList(values)];
    if (names.length !== all.length) throw new Error("the lists differ in length");
    return new Map(names.map((name, index) => [asString(name), all[index] ?? null]));
  }),
};
