import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";

/** Opens the database at a moment that all of them wait for. */
const opener = `
const { openDatabase } = await import(process.argv[1]);
while (Date.now() < Number(process.argv[3]));
openDatabase(process.argv[2]);
`;

test("several who make a store at the same time all have it", async () => {
  for (let round = 0; round < 5; round++) {
    const directory = mkdtempSync("/tmp/database-");
    const moment = `${Date.now() + 400}`;
    const words = [join(import.meta.dir, "database.ts"), join(directory, "cooper.db"), moment];
    const openers = Array.from({ length: 6 }, () =>
      Bun.spawn([process.execPath, "-e", opener, ...words], { stderr: "pipe" }),
    );
    const complaints = await Promise.all(
      openers.map(async (child) => [await child.exited, await new Response(child.stderr).text()]),
    );
    rmSync(directory, { recursive: true });
    expect(complaints).toEqual(openers.map(() => [0, ""]));
  }
}, 30_000);
