import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { cleanMappings, releaseMemory } from "./memory.ts";

const entry = (range: string, rights: string, file: string, anonymous: number) =>
  `${range} ${rights} 00000000 fe:00 5400741    ${file}\nSize: 8 kB\nAnonymous:           ${anonymous} kB\nVmFlags: rd mr mw me\n`;

test("cleanMappings() takes what only the file says", () => {
  const smaps = [
    entry("1000-3000", "r-xp", "/bin/own program", 0),
    entry("3000-4000", "r--p", "/bin/own program", 0),
    entry("4000-5000", "r--p", "/bin/own program", 4), // relocated
    entry("5000-6000", "rw-p", "/bin/own program", 0),
    entry("6000-7000", "r-xs", "/bin/own program", 0),
    entry("7000-8000", "r-xp", "/lib/other", 0),
    entry("8000-9000", "rwxp", "", 0),
  ].join("");
  expect(cleanMappings(smaps, "/bin/own program")).toEqual([
    { start: 0x1000, bytes: 0x2000 },
    { start: 0x3000, bytes: 0x1000 },
  ]);
});

test("releaseMemory() lets go of code, and we go on", async () => {
  const fileKilobytes = () =>
    Number(/^RssFile:\s+(\d+)/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1]);
  const before = fileKilobytes();
  await releaseMemory();
  expect(fileKilobytes()).toBeLessThan(before);
});
