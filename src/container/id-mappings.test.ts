import { expect, test } from "bun:test";
import { requestedMappings } from "./id-mappings.ts";
import { parseIdMapping } from "./options/namespaces.ts";

const range = ([inside = 0, outside = 0, size = 0]: readonly number[]) => ({
  inside,
  outside,
  size,
});

/** An ordinary user's: the own id, subordinate ones from 100000 on, and one of a group that was handed on. */
const ordinary = [
  [0, 1000, 1],
  [1, 100000, 65536],
  [65537, 2000, 1],
].map(range);
const roots = [range([0, 0, 4294967295])];

interface Row {
  readonly title: string;
  readonly asked: readonly string[];
  readonly root?: true;
  readonly gid?: true;
  readonly expected: readonly (readonly number[])[];
}

const rows: readonly Row[] = [
  { title: "a plain one", asked: ["0:1:10"], expected: [[0, 1, 10]] },
  { title: "one id without a size", asked: ["5:7"], expected: [[5, 7, 1]] },
  {
    title: "those that adjoin",
    asked: ["10:20:5", "0:10:10"],
    expected: [[0, 10, 15]],
  },
  {
    title: "one that takes the place of an id outside",
    asked: ["0:0:65000", "+100000:1:1"],
    root: true,
    expected: [
      [0, 0, 1],
      [2, 2, 64998],
      [100000, 1, 1],
    ],
  },
  {
    title: "one that takes the place of an id inside",
    asked: ["0:500:10", "+3:7:2"],
    root: true,
    expected: [
      [0, 500, 3],
      [3, 7, 2],
      [5, 505, 5],
    ],
  },
  {
    title: "one that takes both, far from each other",
    asked: ["0:0:100", "+90:10:2"],
    root: true,
    expected: [
      [0, 0, 10],
      [12, 12, 78],
      [90, 10, 2],
      [92, 92, 8],
    ],
  },
  {
    title: "one that takes the place of all",
    asked: ["3:3:2", "+0:0:10"],
    root: true,
    expected: [[0, 0, 10]],
  },
  {
    title: "a gap that is filled afterwards",
    asked: ["0:0:65000", "+100000:1:1", "1:65001:1"],
    root: true,
    expected: [
      [0, 0, 1],
      [1, 65001, 1],
      [2, 2, 64998],
      [100000, 1, 1],
    ],
  },
  {
    title: "+ first: the rest of an ordinary user's",
    asked: ["+100000:1:1"],
    expected: [
      [0, 0, 1],
      [1, 2, 65536],
      [100000, 1, 1],
    ],
  },
  {
    title: "+ first: nothing else of root's",
    asked: ["+100000:1:1"],
    root: true,
    expected: [[100000, 1, 1]],
  },
  {
    title: "+ first, before ids that are left",
    asked: ["+0:1:1000"],
    expected: [
      [0, 1, 1000],
      [1000, 0, 1],
      [1001, 1001, 64537],
    ],
  },
  { title: "an id of the machine", asked: ["0:@1000"], expected: [[0, 0, 1]] },
  {
    title: "ids of the machine in two ranges",
    asked: ["7:@1000:1", "8:@100000:3"],
    expected: [[7, 0, 4]],
  },
  {
    title: "a group that was handed on",
    asked: ["+g102000:@2000"],
    gid: true,
    expected: [
      [0, 0, 65537],
      [102000, 65537, 1],
    ],
  },
  {
    title: "none of this kind: all of an ordinary user's",
    asked: ["+g102000:@2000"],
    expected: [[0, 0, 65538]],
  },
  {
    title: "what is for users alone",
    asked: ["0:0:10", "u50:50:1", "g60:60:1"],
    expected: [
      [0, 0, 10],
      [50, 50, 1],
    ],
  },
  {
    title: "what says that it is for both",
    asked: ["ug0:0:10"],
    gid: true,
    expected: [[0, 0, 10]],
  },
];

test.each(rows)("requestedMappings() takes $title", ({ asked, root, gid, expected }) => {
  const context = {
    kind: gid ? ("gid" as const) : ("uid" as const),
    own: root ? roots : ordinary,
    isRootless: root !== true,
  };
  expect(requestedMappings(asked.map(parseIdMapping), context)).toEqual(expected.map(range));
});

test.each([
  { asked: ["0:@1001"], error: "uids 1001 of this machine are not all yours" },
  { asked: ["0:@165530:10"], error: "uids 165530 to 165539 of this machine are not all yours" },
  { asked: ["0:1:10", "9:100:1"], error: "the id 9 inside is mapped twice" },
  { asked: ["0:1:10", "20:10:1"], error: "the id 10 outside is mapped twice" },
])("requestedMappings() refuses $asked", ({ asked, error }) => {
  const context = { kind: "uid" as const, own: ordinary, isRootless: true };
  expect(() => requestedMappings(asked.map(parseIdMapping), context)).toThrow(error);
});

test("requestedMappings() refuses root a namespace without ids", () => {
  const context = { kind: "uid" as const, own: roots, isRootless: false };
  expect(() => requestedMappings([parseIdMapping("g0:0:1")], context)).toThrow(
    "no user ids are mapped",
  );
});
