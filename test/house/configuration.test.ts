/** A key of containers.conf that is read is documented. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { tables } from "../../src/settings/keys.ts";

const text = readFileSync(join(import.meta.dir, "../../docs/configuration.md"), "utf8");

test.each(
  Object.entries(tables).flatMap(([table, keys]) =>
    Object.keys(keys).map((key) => ({ table, key })),
  ),
)("docs/configuration.md tells of $table.$key", ({ key }) => {
  expect(text).toContain(`\`${key}\``);
});
