/** Many processes load, tag, save and remove the same images at once: none meets what it would not meet alone. */
import { expect, test } from "bun:test";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { testHost, users } from "./host.ts";
import { dockerArchive } from "./images.ts";

const everybody = users.map((user) => ({ user, who: user?.name ?? "the caller" }));
const name = "example.com/crowd:1";
const workers = 10;
const rounds = 2;

/** An image that another one has just removed is missing to whoever is alone, too. */
const mayBeMissing = /^Error: (?:no such image: |.* was removed by somebody else)/;

test.each(everybody)("ten at once as $who", async ({ user }) => {
  await using host = await testHost(user);
  await host.must("run", "--rm", "hello", "true");
  const archives = [2, 3].map((layers) => {
    const path = join(host.place("files"), `${layers}.tar`);
    writeFileSync(path, dockerArchive(name, layers));
    return path;
  });
  const steps = (worker: number, round: number): { argv: string[]; mayMiss: boolean }[] => {
    const own = `example.com/of-${worker}:${round}`;
    const archive = archives[(worker + round) % 2] ?? "";
    const out = join(host.directory, "files", `out-${worker}.tar`);
    return [
      { argv: ["load", "-q", "-i", archive], mayMiss: false },
      { argv: ["tag", name, own], mayMiss: true },
      { argv: ["images"], mayMiss: false },
      { argv: ["save", "-o", out, name], mayMiss: true },
      { argv: ["rmi", "-f", name], mayMiss: true },
      { argv: ["rmi", "--ignore", own], mayMiss: true },
      { argv: ["image", "prune", "-f"], mayMiss: false },
    ];
  };
  const odd: string[] = [];
  const work = async (worker: number) => {
    for (let round = 0; round < rounds; round++) {
      for (const { argv, mayMiss } of steps(worker, round)) {
        const { exitCode, stderr } = await host.cooper(...argv);
        const isFine = exitCode === 0 ? stderr === "" : mayMiss && mayBeMissing.test(stderr);
        if (!isFine && !/^Reclaimed /.test(stderr)) odd.push(`${argv.join(" ")}: ${stderr}`);
      }
    }
  };
  await Promise.all(Array.from({ length: workers }, (_, worker) => work(worker)));
  expect(odd).toEqual([]);
  expect(await host.cooper("system", "check")).toMatchObject({ exitCode: 0, stdout: "" });
  await host.must("image", "prune", "-a", "-f");
  expect(await host.must("images", "--format", "{{.Repository}}")).toBe("");
  expect(readdirSync(join(host.root, "layers"))).toEqual([]);
  expect(readdirSync(join(host.root, "staging"))).toEqual([]);
});
