import { expect, test } from "bun:test";
import { type CacheEntry, chooseEntries, type PruneCacheOptions } from "./build-cache.ts";

const entry = (id: string, bytes: number, isShared = false): CacheEntry => ({
  kind: "step",
  id,
  title: id,
  bytes,
  createdAt: 0,
  usedAt: 0,
  isShared,
  isInUse: false,
});
const none: PruneCacheOptions = {
  all: false,
  filters: [],
  reservedBytes: null,
  maxUsedBytes: null,
  minFreeBytes: null,
};

test.each([
  { name: "everything without a limit", limits: {}, chosen: ["a", "b", "c"] },
  { name: "what is above a reserve", limits: { reservedBytes: 15 }, chosen: ["a", "b"] },
  { name: "nothing below a maximum", limits: { maxUsedBytes: 30 }, chosen: [] },
  { name: "down to a maximum", limits: { maxUsedBytes: 20 }, chosen: ["a"] },
  { name: "until enough is free", limits: { minFreeBytes: 115 }, chosen: ["a", "b"] },
  { name: "nothing where enough is free", limits: { minFreeBytes: 100 }, chosen: [] },
  {
    name: "what both limits want",
    limits: { maxUsedBytes: 25, minFreeBytes: 115 },
    chosen: ["a", "b"],
  },
  {
    name: "never into the reserve",
    limits: { reservedBytes: 20, minFreeBytes: 1000 },
    chosen: ["a"],
  },
])("chooseEntries() chooses $name", ({ limits, chosen }) => {
  const entries = [entry("a", 10), entry("b", 10), entry("c", 10)];
  expect(chooseEntries(entries, 30, 100, { ...none, ...limits }).map(({ id }) => id)).toEqual([
    ...chosen,
  ]);
});

test("chooseEntries() counts nothing for what images have too", () => {
  const entries = [entry("a", 10, true), entry("b", 10)];
  const limits = { ...none, all: true, maxUsedBytes: 5 };
  expect(chooseEntries(entries, 10, 0, limits).map(({ id }) => id)).toEqual(["a", "b"]);
});
