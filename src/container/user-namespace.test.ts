import { expect, test } from "bun:test";
import { firstFree, withOwn } from "./automatic-ids.ts";
import { keepId } from "./user-namespace.ts";

const ordinary = { uid: 1000, gid: 100, isRootless: true };

test("keepId() puts the caller's id where it is outside, and subordinate ids around it", () => {
  const mode = { kind: "keep-id", uid: null, gid: null, size: null } as const;
  expect(keepId(mode, ordinary, 65537, 65537)).toEqual({
    uids: [
      { inside: 0, outside: 1, size: 1000 },
      { inside: 1000, outside: 0, size: 1 },
      { inside: 1001, outside: 1001, size: 64536 },
    ],
    gids: [
      { inside: 0, outside: 1, size: 100 },
      { inside: 100, outside: 0, size: 1 },
      { inside: 101, outside: 101, size: 65436 },
    ],
  });
});

test("keepId() in single-id mode maps only the caller", () => {
  const mode = { kind: "keep-id", uid: 5, gid: 6, size: null } as const;
  expect(keepId(mode, ordinary, 1, 1)).toEqual({
    uids: [{ inside: 5, outside: 0, size: 1 }],
    gids: [{ inside: 6, outside: 0, size: 1 }],
  });
});

test("keepId() is refused to root", () => {
  const mode = { kind: "keep-id", uid: null, gid: null, size: null } as const;
  expect(() => keepId(mode, { uid: 0, gid: 0, isRootless: false }, 10, 10)).toThrow(
    /for ordinary users/,
  );
});

test.each([
  { title: "an empty pool", taken: [], size: 10, start: 100 },
  { title: "behind what is taken", taken: [{ start: 100, size: 10 }], size: 10, start: 110 },
  {
    title: "a gap that is large enough",
    taken: [
      { start: 100, size: 5 },
      { start: 115, size: 5 },
    ],
    size: 10,
    start: 105,
  },
  {
    title: "not a gap that is too small",
    taken: [
      { start: 100, size: 5 },
      { start: 110, size: 5 },
    ],
    size: 10,
    start: 115,
  },
  {
    title: "nothing when all is taken",
    taken: [{ start: 100, size: 95 }],
    size: 10,
    start: undefined,
  },
])("firstFree() finds $title", ({ taken, size, start }) => {
  expect(firstFree({ start: 100, size: 100 }, taken, size)).toBe(start as never);
});

test.each([
  ["nothing", [], [[0, 500, 10]]],
  [
    "one in the middle",
    [[3, 0, 1]],
    [
      [0, 500, 3],
      [3, 0, 1],
      [4, 504, 6],
    ],
  ],
  [
    "the first",
    [[0, 7, 2]],
    [
      [0, 7, 2],
      [2, 502, 8],
    ],
  ],
  [
    "one beyond the range",
    [[20, 7, 1]],
    [
      [0, 500, 10],
      [20, 7, 1],
    ],
  ],
])("withOwn() lets %s take its place in a range", (_, own, expected) => {
  const map = (rows: number[][]) =>
    rows.map(([inside = 0, outside = 0, size = 0]) => ({ inside, outside, size }));
  expect(withOwn({ start: 500, size: 10 }, map(own))).toEqual(map(expected));
});

test("withOwn() refuses mappings that overlap", () => {
  const twice = { inside: 1, outside: 1, size: 2 };
  expect(() => withOwn({ start: 500, size: 10 }, [twice, twice])).toThrow("overlap");
});
