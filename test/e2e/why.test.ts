/** `cooper why`: seeded faults, their causes, and the commands that mend them, pasted into a shell. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, chownSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Fault, faultFiles, faults } from "./faults.ts";
import { type Result, type TestHost, testHost, type User, users } from "./host.ts";
import { paste, withTools } from "./paste.ts";

/** What came of a row. */
interface Outcome {
  readonly why: Result;
  readonly findings: readonly { ID: string; Cause: string; Evidence: string[]; Cures: string[] }[];
  readonly fix: Result | null;
}

/** How many stores share the rows. */
const stores = 3;

describe.each(users.map((user) => ({ user, who: user?.name ?? "root" })))("as $who", ({ user }) => {
  const rows = faults.filter(({ rootOnly, rootlessOnly }) =>
    user === null ? rootlessOnly === undefined : rootOnly === undefined,
  );
  const outcomes = new Map<string, Outcome>();
  const hosts: TestHost[] = [];

  beforeAll(async () => {
    const left = [...rows];
    const work = async () => {
      const host = await testHost(user);
      hosts.push(host);
      const directory = seed(host, user);
      await host.must("run", "--rm", "hello", "true");
      for (let row = left.shift(); row !== undefined; row = left.shift())
        outcomes.set(row.title, await outcomeOf(host, user, directory, row));
    };
    await Promise.all(Array.from({ length: stores }, work));
  }, 240_000);

  afterAll(async () => {
    for (const host of hosts) await host[Symbol.asyncDispose]();
  }, 60_000);

  test.each(rows)("names the cause of $title", ({ title, id, cause, fix }) => {
    const outcome = outcomes.get(title);
    expect(outcome).toBeDefined();
    const [found] = outcome?.findings ?? [];
    expect({ id: found?.ID, why: outcome?.why }).toMatchObject({
      id: expect.stringMatching(new RegExp(`^(${id})$`)),
    });
    expect(found?.Cause).toMatch(cause);
    expect(found?.Evidence.length).toBeGreaterThan(0);
    expect(outcome?.why.exitCode).toBe(0);
    expect({ cures: found?.Cures.length ?? 0, isFixed: fix !== undefined }).toMatchObject(
      fix === undefined ? {} : { cures: expect.any(Number) },
    );
    if (fix !== undefined) expect(found?.Cures.length).toBeGreaterThan(0);
    if (fix === "works") expect(outcome?.fix).toMatchObject({ exitCode: 0 });
  });
});

/** The files of the rows, as their user has them. */
function seed(host: TestHost, user: User | null): string {
  const directory = host.place("files");
  for (const [name, { mode, content }] of Object.entries(faultFiles)) {
    writeFileSync(join(directory, name), content);
    chmodSync(join(directory, name), mode);
    if (user !== null) chownSync(join(directory, name), user.uid, user.gid);
  }
  for (const name of ["closed", "of-root", "of-other", "of-nobody"])
    host.place(join("files", name));
  writeFileSync(join(directory, "closed", "file"), "x");
  chmodSync(join(directory, "closed"), 0o700);
  // another user: for an ordinary one an id that is mapped into the user's namespace
  const other = user === null ? 1234 : firstSubordinate(user) + 10;
  chownSync(join(directory, "of-other"), other, other);
  chownSync(join(directory, "of-nobody"), 0, 0);
  withTools(host);
  return directory;
}

function firstSubordinate({ name }: User): number {
  const line = readFileSync("/etc/subuid", "utf8")
    .split("\n")
    .find((one) => one.startsWith(`${name}:`));
  return Number(line?.split(":")[1]);
}

async function outcomeOf(
  host: TestHost,
  user: User | null,
  directory: string,
  row: Fault,
): Promise<Outcome> {
  const words = row.run.map((word) => word.replaceAll("DIR", directory));
  await host.cooper("run", "--name", "x", "--replace", ...words);
  for (const more of row.after ?? []) await host.cooper(...more);
  const why = await host.cooper("why", "x", "--format", "json");
  const findings = why.stdout === "" ? [] : JSON.parse(why.stdout).Findings;
  const cures: string[] = findings[0]?.Cures ?? [];
  const fix = row.fix === "works" ? await paste(host, user, cures) : null;
  return { why, findings, fix };
}
