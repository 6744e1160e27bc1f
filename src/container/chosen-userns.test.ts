import { expect, test } from "bun:test";
import { placeThatDecides } from "./chosen-userns.ts";

test.each([
  { title: "nothing is mounted", wants: [], chosen: null },
  { title: "nothing makes a difference", wants: [undefined, undefined], chosen: null },
  { title: "one is the caller's", wants: [undefined, true], chosen: "1" },
  { title: "several are, the first is named", wants: [true, true], chosen: "0" },
  { title: "one has files of other ids", wants: [true, false], chosen: null },
])("placeThatDecides() when $title", ({ wants, chosen }) => {
  const places = wants.map((want, index) => ({ name: `${index}`, wants: want }));
  expect(placeThatDecides(places)?.name ?? null).toBe(chosen);
});
