import { describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestHost, testHost, users } from "./host.ts";

const everybody = users.map((user) => ({ user, who: user?.name ?? "the caller" }));

async function build(host: TestHost, ...steps: string[]): Promise<string> {
  const context = join(host.place("files"), "context");
  mkdirSync(context, { recursive: true });
  writeFileSync(join(context, "Dockerfile"), ["FROM hello", ...steps].join("\n"));
  return host.must("build", "-t", "built", context);
}
const large = "RUN dd if=/dev/zero of=/large bs=1M count=8 2> /dev/null";
const withMount = "RUN --mount=type=cache,id=kept,target=/kept echo x >> /kept/log";

describe.each(everybody)("what builds keep, as $who", ({ user }) => {
  test("du tells it, df counts it, and prune removes what no image has", async () => {
    await using host = await testHost(user);
    await build(host, large, withMount);
    const kinds = await host.must("buildx", "du", "--format", "{{.Type}} {{.Shared}}");
    expect(kinds.split("\n").sort()).toEqual([
      "exec.cachemount false",
      "regular true",
      "regular true",
    ]);
    expect(await host.must("builder", "prune", "-f")).toContain("cache ");
    expect(readdirSync(join(host.root, "caches"))).toEqual([]);
    await host.must("rmi", "built");
    const sizes = (await host.must("system", "df", "--format", "{{.Type}} {{.RawSize}}"))
      .split("\n")
      .filter((line) => line.startsWith("Build Cache"));
    expect(Number(sizes[0]?.split(" ").at(-1))).toBeGreaterThan(8 << 20);
    expect(await host.must("builder", "prune", "-f", "--keep-storage", "1g")).toBe("Total:\t0B");
    expect(await build(host, large, withMount)).toBeTruthy(); // found again: nothing was done anew
    await host.must("rmi", "built");
    await host.must("builder", "prune", "-f", "--max-used-space", "1m");
    expect(await host.must("buildx", "du", "--filter", "description=dd", "--format", "x")).toBe("");
    await host.must("system", "prune", "-f");
    expect(await host.must("buildx", "du", "--format", "{{.ID}}")).toBe("");
  });

  test("a size limit takes steps that no image has before it takes an image", async () => {
    const configuration = '[storage]\nmax_size = "14m"\n';
    await using host = await testHost(user, { configuration });
    await build(host, large.replace("large", "first"));
    await host.must("rmi", "built");
    await build(host, large.replace("large", "second"));
    expect(await host.must("buildx", "du", "--filter", "description=first", "--format", "x")).toBe(
      "",
    );
    expect(await host.must("run", "--rm", "built", "ls", "/second")).toBe("/second");
  });
});
