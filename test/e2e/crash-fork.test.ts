/** Freezing a container's files is killed from outside at every step: they are all there, where they belong. */
import { expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { testHost } from "./host.ts";

const verbs = [
  { argv: ["snapshot", "create", "k", "new"], isDone: (names: string) => names.includes("k:new") },
  { argv: ["fork", "k", "new"], isDone: (names: string) => names.includes("\nnew") },
  {
    argv: ["rollback", "--keep", "new", "k", "s"],
    isDone: (names: string) => names.includes("k:new"),
  },
  { argv: ["rollback", "k", "s"], isDone: null },
];
const calls = [
  ["rename,renameat,renameat2", 1],
  ["pwrite64", 2, 6, 12],
  ["unlink,unlinkat,rmdir", 1],
] as const;
const points = verbs.flatMap((verb) =>
  calls.flatMap(([call, ...nths]) => nths.map((nth) => ({ ...verb, call, nth }))),
);

test.each(points)("$argv killed at $call number $nth", async ({ argv, isDone, call, nth }) => {
  await using host = await testHost();
  await host.must("run", "--name", "k", "hello", "sh", "-c", "echo 1 >> /f");
  await host.must("snapshot", "create", "k", "s");
  await host.must("start", "-a", "k");
  await host.killedAt(call, nth, ...argv);
  const names = `${await host.must("snapshot", "ls", "-q")}\n${await host.must("ps", "-a", "--format", "{{.Names}}")}`;
  const isOver =
    isDone?.(names) ?? (await host.must("cp", "k:/f", "-")).includes("1\n1\n") === false;
  const isBack = argv[0] === "rollback" && isOver;
  expect(await host.must("cp", "k:/f", "-")).toContain(isBack ? "\x001\n\0" : "1\n1\n\0");
  if (isOver && isDone !== null) {
    const kept = argv[0] === "fork" ? "new" : "k:new";
    if (argv[0] === "fork") expect(await host.must("cp", "new:/f", "-")).toContain("1\n1\n\0");
    else await host.must("snapshot", "diff", kept, "s");
  }
  await host.must("start", "-a", "k");
  expect(await host.must("cp", "k:/f", "-")).toContain(isBack ? "1\n1\n\0" : "1\n1\n1\n\0");
  if (!isOver) await host.must(...argv);
  await host.must("rm", "--all");
  await host.must("image", "prune", "--force");
  const frozen = join(host.root, "frozen");
  expect(existsSync(frozen) ? readdirSync(frozen) : []).toEqual([]);
});

test.each([
  { call: "rename,renameat,renameat2", nth: 1 },
  { call: "copy_file_range", nth: 2 },
  { call: "pwrite64", nth: 4 },
])("a fork of one that runs, killed at $call number $nth, lets it go on", async ({ call, nth }) => {
  await using host = await testHost();
  await host.must("run", "-d", "--name", "k", "hello", "sleep", "1000");
  await host.must("exec", "k", "sh", "-c", "for i in 1 2 3; do echo $i > /f$i; done");
  await host.killedAt(call, nth, "fork", "k", "new");
  const lives = await host.must("exec", "k", "sh", "-c", "echo more > /f1; cat /f1 /f3");
  expect(lives).toBe("more\n3");
  const isDone = (await host.must("ps", "-a", "--format", "{{.Names}}")).includes("new");
  if (!isDone) await host.must("fork", "k", "new");
  expect(await host.must("cp", "new:/f3", "-")).toContain("3\n\0");
  await host.must("rm", "-f", "-t", "0", "--all");
  await host.must("image", "prune", "--force");
  const frozen = join(host.root, "frozen");
  expect(existsSync(frozen) ? readdirSync(frozen) : []).toEqual([]);
});
