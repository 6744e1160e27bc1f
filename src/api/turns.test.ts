import { expect, test } from "bun:test";
import { Turns } from "./turns.ts";

test("Turns lets others in between two", async () => {
  const turns = new Turns();
  const order: string[] = [];
  const taken = ["a", "b", "c"].map(async (name) => {
    await turns.take();
    order.push(name);
    setImmediate(() => order.push("other"));
  });
  await Promise.all(taken);
  expect(order.slice(0, 4)).toEqual(["a", "other", "b", "other"]);
});
