/** Images between stores, of other users and on other machines: these stand behind an ssh and an su of the tests' own. */
import { describe, expect, test } from "bun:test";
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { binary, type TestHost, testHost, users } from "./host.ts";
import { dockerArchive } from "./images.ts";

const name = "example.com/keep:1";

async function load(host: TestHost): Promise<void> {
  const archive = join(host.place("files"), "in.tar");
  writeFileSync(archive, dockerArchive(name, 2));
  await host.must("load", "-q", "-i", archive);
}

/** Programs that write down how they were called, and run the last of their words on another store. */
function otherMachine(host: TestHost): { path: string; there: string[]; calls: () => string } {
  const programs = host.place("programs");
  const calls = join(host.place("calls"), "calls");
  writeFileSync(calls, "");
  chmodSync(calls, 0o666);
  const other = host.place("there");
  const there = ["--root", join(other, "root"), "--runroot", host.run]; // one pause process
  const script = (file: string, text: string) => {
    writeFileSync(join(programs, file), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  };
  script("cooper", `exec ${binary} ${there.join(" ")} "$@"`);
  const path = `${programs}:${process.env.PATH}`;
  const runLast = 'for last; do :; done; eval "$last"';
  for (const program of ["ssh", "su"])
    script(program, `echo ${program} "$@" >> ${calls}; PATH=${path}; ${runLast}`);
  return { path, there, calls: () => readFileSync(calls, "utf8") };
}

describe.each(users.map((user) => ({ user, who: user?.name ?? "the caller" })))(
  "image scp as $who",
  ({ user }) => {
    test("brings an image to another machine and back, under the same id", async () => {
      await using host = await testHost(user);
      const { path, there, calls } = otherMachine(host);
      const scp = (...words: string[]) =>
        host.cooperWith({ env: { PATH: path } }, "image", "scp", ...words);
      await load(host);
      const id = await host.must("images", "-q", "--no-trunc", name);
      expect(await scp(name, "me@web1:2222::")).toMatchObject({
        exitCode: 0,
        stdout: expect.stringContaining(`Loaded image: ${name}`),
      });
      expect(calls()).toStartWith("ssh -p 2222 -- me@web1 sh -c ");
      await host.must("rmi", name);
      expect(await scp("--quiet", "--format", "docker-archive", `web1::${name}`)).toMatchObject({
        exitCode: 0,
        stdout: "",
      });
      expect(await host.must("images", "-q", "--no-trunc", name)).toBe(id);
      const missing = await scp("web1::example.com/none:1");
      expect(missing.exitCode).toBe(125);
      expect(missing.stderr).toContain("cannot read from web1: its engine ended with status 125");
      await host.must(...there, "system", "reset", "--force");
    });
  },
);

test.skipIf(process.getuid?.() !== 0)("image scp reaches other users of the machine", async () => {
  await using host = await testHost();
  const { path, calls } = otherMachine(host);
  await load(host);
  await host.cooperWith({ env: { PATH: path } }, "image", "scp", name, "alice@localhost::");
  expect(calls()).toMatch(/^su --login alice --command exec \/\S*cooper load --quiet\n$/);
});

test.each([
  { words: ["a", "b"], says: "an image is not renamed on its way" },
  { words: ["a"], says: "is in this store already" },
  { words: ["host::", "::"], says: "is no place to copy images from or to" },
  { words: ["--", "-oProxyCommand=id::a"], says: "is no place to copy images from or to" },
  { words: ["host::$(id)"], says: "invalid image name" },
])("image scp $words: $says", async ({ words, says }) => {
  await using host = await testHost();
  const result = await host.cooper("image", "scp", ...words);
  expect(result).toMatchObject({ exitCode: 125, stdout: "" });
  expect(result.stderr).toContain(says);
});
