/** Errors of commands name their cause, and their hints mend it; `cooper why` tells of the last one. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type FixtureRegistry, fixtureRegistry } from "../fixtures/registry.ts";
import { errorFaults } from "./error-faults.ts";
import { type TestHost, testHost, users } from "./host.ts";
import { paste, withTools } from "./paste.ts";

describe.each(users.map((user) => ({ user, who: user?.name ?? "root" })))("as $who", ({ user }) => {
  const rows = errorFaults.filter(
    ({ only }) => only === undefined || (only === "root") === (user === null),
  );
  let host: TestHost;
  let registry: FixtureRegistry;

  beforeAll(async () => {
    host = await testHost(user);
    withTools(host);
    registry = await fixtureRegistry();
    registry.fault = (request) => {
      if (request.includes(" closed/")) return { kind: "status", status: 403 };
      if (!request.includes(" limited/")) return undefined;
      const headers = { "retry-after": "3600", "ratelimit-limit": "100;w=21600" };
      return { kind: "status", status: 429, headers };
    };
    const files = host.place("files");
    writeFileSync(join(files, "text"), "no such thing\n");
    mkdirSync(join(files, "of-root"));
    host.place("files/damaged");
    writeFileSync(join(files, "damaged", "cooper.db"), "no database ".repeat(100));
    await host.must("run", "-d", "--name", "web", "hello", "sleep", "1000");
    await host.must("create", "--name", "idle", "hello", "true");
    await host.must("volume", "create", "data");
    await host.cooperWith({ stdin: "x" }, "secret", "create", "password", "-");
  }, 60_000);

  afterAll(async () => {
    registry[Symbol.dispose]();
    await host.cooper("rm", "--force", "--all", "--time", "0");
    await host[Symbol.asyncDispose]();
  }, 60_000);

  test.each(rows)("$title", async ({ run, env = {}, error, hint, fix }) => {
    const filled = (text: string) =>
      text.replaceAll("DIR", join(host.directory, "files")).replaceAll("PLAIN", registry.host);
    const given = Object.fromEntries(Object.entries(env).map(([key, text]) => [key, filled(text)]));
    const failed = await host.cooperWith({ env: given }, ...run.map(filled));
    expect(failed.exitCode).not.toBe(0);
    expect(failed.stderr).toMatch(error);
    const hinted = /^Hint: (.*)$/m.exec(failed.stderr)?.[1] ?? "";
    expect(hinted).toMatch(new RegExp(filled(hint.source), "m"));
    if (fix === undefined) return;
    const fixed = await paste(host, user, [hinted], given);
    expect(fixed).toMatchObject({ exitCode: 0 });
  });

  test("why tells of the last error, and keeps no secret of its command line", async () => {
    const words = ["run", "--rm", "-e", "KEY=geheim", "--runtime", "runx", "hello", "true"];
    const failed = await host.cooper(...words);
    expect(failed.stderr).toContain("runx is not installed");
    const told = await host.cooper("why");
    expect(told.exitCode).toBe(0);
    expect(told.stdout).toMatch(/^cooper .*-e KEY --runtime runx hello true failed, /);
    expect(told.stdout).toContain("Cause: runx is not installed");
    expect(told.stdout).not.toContain("geheim");
  });

  test("why tells of a container that is gone", async () => {
    await host.cooper("run", "--rm", "-e", "KEY=geheim", "hello", "cat", "/no/such");
    const told = await host.cooper("why", "last");
    expect(told.stdout).toMatch(/^container \S+ exited with 1, and was removed \(--rm\), /);
    expect(told.stdout).toContain(
      "Cause: there is no /no, on the way to /no/such in the container",
    );
    expect(told.stdout).not.toContain("geheim");
  });

  test("why says so when nothing is known", async () => {
    await host.cooper("run", "--name", "fails", "hello", "sh", "-c", "echo oh; exit 3");
    const told = await host.cooper("why", "fails");
    expect(told).toMatchObject({ exitCode: 1, stderr: "" });
    expect(told.stdout).toMatch(/^container fails exited with 3, .*\n\nNothing more is known/);
    const last = await host.cooper("why");
    expect(last.stdout).toBe(told.stdout);
    const none = await host.cooper("why", "web");
    expect(none).toMatchObject({ exitCode: 1, stdout: expect.stringContaining("web is running") });
  });
});
