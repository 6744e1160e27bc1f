import { afterAll, beforeEach, expect, test } from "bun:test";
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { layerPaths } from "../paths.ts";
import { DisplacedFiles, DisplacedKeeper, maxDisplaced } from "./displaced.ts";

const root = mkdtempSync("/tmp/cooper-displaced-");
afterAll(() => rmSync(root, { recursive: true, force: true }));

let count = 0;
let layer = layerPaths(root);
let descriptor = -1;
beforeEach(() => {
  layer = layerPaths(join(root, `${count++}`));
  mkdirSync(layer.diff, { recursive: true });
  mkdirSync(layer.displaced);
  descriptor = openSync(layer.displaced, "r");
});

test("DisplacedKeeper moves a file away, and DisplacedFiles finds what each entry wrote", () => {
  const path = join(layer.diff, "f");
  const keeper = new DisplacedKeeper(descriptor);
  for (const ordinal of [3, 5, 9]) {
    writeFileSync(path, `until ${ordinal}`);
    expect(keeper.displace(path, ordinal)).toBe(true);
  }
  closeSync(descriptor);
  expect(existsSync(path)).toBe(false);
  const files = new DisplacedFiles(layer);
  const read = (ordinal: number) => {
    const file = files.fileOf(path, ordinal);
    return file === undefined ? undefined : readFileSync(file, "utf8");
  };
  expect([1, 2, 3, 4, 8, 9].map(read)).toEqual([
    "until 3",
    "until 3",
    "until 5",
    "until 5",
    "until 9",
    undefined,
  ]);
  expect(files.fileOf(`${path}x`, 1)).toBeUndefined();
});

test("DisplacedKeeper gives up when there are too many, and leaves things where they are", () => {
  const path = join(layer.diff, "f");
  writeFileSync(path, "");
  const keeper = new DisplacedKeeper(descriptor);
  keeper.count = maxDisplaced;
  expect(keeper.displace(path, 1)).toBe(false);
  expect(keeper.create(1)).toBeUndefined();
  expect(keeper.hasGivenUp).toBe(true);
  closeSync(descriptor);
  expect(existsSync(path)).toBe(true);
  expect(readdirSync(layer.displaced)).toEqual([]);
});
