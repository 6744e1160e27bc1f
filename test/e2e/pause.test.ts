/** The process that keeps an ordinary user's namespaces is killed: what comes next sees the truth and goes on. */
import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type TestHost, testHost, users } from "./host.ts";

const ordinary = users.find((user) => user !== null);

describe.skipIf(ordinary === undefined)("when the pause process was killed", () => {
  const endPause = (host: TestHost) => {
    const pid = Number(readFileSync(join(host.run, "pause.pid"), "utf8").split(" ")[0]);
    process.kill(pid, "SIGKILL");
  };

  test("containers that run keep its namespaces for the next command", async () => {
    await using host = await testHost(ordinary);
    const run = ["run", "-d", "--network", "none", "-v", "v:/v", "--name"];
    const work = "trap 'exit 3' TERM; echo lives > /v/f; while :; do sleep 0.05; done";
    await host.must(...run, "c", "hello", "sh", "-c", work);
    const before = await host.must(
      "unshare",
      "readlink",
      "/proc/self/ns/user",
      "/proc/self/ns/mnt",
    );
    endPause(host);
    expect(await host.must("ps", "--format", "{{.Names}} {{.State}}")).toBe("c running");
    expect(await host.must("exec", "c", "cat", "/v/f")).toBe("lives");
    expect(await host.must("unshare", "readlink", "/proc/self/ns/user", "/proc/self/ns/mnt")).toBe(
      before,
    );
    expect(await host.must("run", "--rm", "-v", "v:/v", "hello", "cat", "/v/f")).toBe("lives");
    endPause(host);
    await host.must("stop", "c");
    expect(await host.must("inspect", "-f", "{{.State.ExitCode}}", "c")).toBe("3");
    await host.must("start", "c");
    endPause(host);
    await host.must("rm", "-f", "-t", "0", "c");
  });

  test("and their monitors with it, states are true and all can be removed", async () => {
    await using host = await testHost(ordinary);
    const id = await host.must(
      "run",
      "-d",
      "--name",
      "c",
      "--network",
      "none",
      "hello",
      "sleep",
      "60",
    );
    endPause(host);
    process.kill(Number(readFileSync(join(host.run, "c", id, "conmon.pid"), "utf8")), "SIGKILL");
    expect(await host.must("ps", "--format", "{{.Names}} {{.State}}")).toBe("c running");
    expect(await host.must("exec", "c", "echo", "within")).toBe("within");
    await host.must("stop", "-t", "0", "c");
    expect(await host.must("ps", "-a", "--format", "{{.Names}} {{.State}}")).toBe("c exited");
    await host.must("start", "c");
    expect(await host.must("exec", "c", "echo", "again")).toBe("again");
  });

  test("without containers a new one is made", async () => {
    await using host = await testHost(ordinary);
    await host.must("create", "--name", "c", "hello", "echo", "later");
    await host.must("unshare", "true");
    endPause(host);
    expect(await host.must("start", "-a", "c")).toBe("later");
  });
});

/** Processes that keep namespaces, or are about to. */
function pausing(): string[] {
  return readdirSync("/proc").filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/environ`, "latin1").includes("COOPER_PAUSE=");
    } catch {
      return false; // no process, or none any more
    }
  });
}

describe.skipIf(ordinary === undefined)("whoever starts one is killed", () => {
  test.each([
    ...[1, 2, 3, 4, 5].map((nth) => ({ call: "write,writev", nth })),
    ...[1, 2, 3, 4].map((nth) => ({ call: "vfork,clone3", nth })),
    { call: "rename,renameat,renameat2", nth: 1 },
  ])("at $call $nth, and none is left that nobody knows of", async ({ call, nth }) => {
    await using host = await testHost(ordinary);
    const before = pausing();
    await host.killedAt(call, nth, "unshare", "true");
    await host.must("unshare", "true");
    const noted = readFileSync(join(host.run, "pause.pid"), "utf8").split(" ")[0] ?? "";
    let now: string[] = [];
    for (let waits = 0; waits < 100; waits++) {
      now = pausing().filter((pid) => !before.includes(pid));
      if (now.length === 1) break;
      await Bun.sleep(20); // the killed one's child is about to see that
    }
    expect(now).toEqual([noted]);
  });
});
