/** Cooper is killed from outside at many points; what comes next must see the truth and clean up. */
import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestHost, testHost } from "./host.ts";
import { dockerArchive } from "./images.ts";

/** After any crash: rows tell the truth, the name can be had again, and nothing is left behind. */
async function recovers(host: TestHost): Promise<void> {
  const listed = await host.cooper("ps", "-a", "--format", "{{.Names}} {{.State}}");
  expect(listed.stderr).toBe("");
  for (const line of listed.stdout.split("\n").filter((text) => text !== "")) {
    const [name = "", state] = line.split(" ");
    const running = (await host.cooper("exec", name, "true")).exitCode === 0;
    expect(`${name} ${running ? "running" : "not running"}`).toBe(
      `${name} ${state === "running" ? "running" : "not running"}`,
    );
  }
  const again = await host.cooper("run", "--replace", "--name", "k", "hello", "echo", "again");
  expect(again).toEqual({ exitCode: 0, stdout: "again\n", stderr: "" });
  await host.must("rm", "--force", "--all");
  expect(await host.settled()).toEqual([]);
}

const calls = [
  "rename,renameat,renameat2",
  "mkdir,mkdirat",
  "mount",
  "flock",
  "unlink,unlinkat,rmdir",
];
const points = calls.flatMap((call) => [1, 2, 3, 5, 8].map((nth) => ({ call, nth })));

describe("killed by strace", () => {
  test.each(points)("run at $call number $nth", async ({ call, nth }) => {
    await using host = await testHost();
    await host.must("run", "--rm", "hello", "true");
    await host.killedAt(call, nth, "run", "--name", "k", "hello", "true");
    await recovers(host);
  });

  test.each(points)("rm -f of a running container at $call number $nth", async ({ call, nth }) => {
    await using host = await testHost();
    await host.must("run", "-d", "--name", "k", "hello", "sleep", "100");
    await host.killedAt(call, nth, "rm", "-f", "-t", "0", "k");
    await recovers(host);
  });

  test.each(points)("load at $call number $nth", async ({ call, nth }) => {
    await using host = await testHost();
    await host.must("images");
    const archive = join(host.place("files"), "image.tar");
    writeFileSync(archive, dockerArchive("example.com/killed:1", 3));
    await host.killedAt(call, nth, "load", "-i", archive);
    const listed = await host.must("images", "-q");
    expect(listed).toMatch(/^([0-9a-f]{12})?$/);
    await host.must("load", "-i", archive);
    expect(await host.must("run", "--rm", "example.com/killed:1", "cat", "/layer-3")).toBe("3");
    await recovers(host);
  });
});

test.each(["stop", "kill"])("%s killed at any time", async (verb) => {
  await using host = await testHost();
  await host.must("run", "-d", "--name", "k", "hello", "sleep", "100");
  for (let at = 0; at < 12; at++) {
    const child = host.start(
      {},
      verb,
      ...(["stop", "restart"].includes(verb) ? ["-t", "0"] : []),
      "k",
    );
    await Bun.sleep(at * 8);
    child.kill("SIGKILL");
    await child.exited;
    const state = await host.must("inspect", "-f", "{{.State.Status}}", "k");
    expect(["running", "exited", "initialized"]).toContain(state);
    // the signal that was sent before we killed the sender may only take effect now
    let said = "";
    for (let tries = 0; said !== "alive\n" && tries < 5; tries++) {
      await host.must("start", "k");
      said = (await host.cooper("exec", "k", "echo", "alive")).stdout;
    }
    expect(said).toBe("alive\n");
  }
  await recovers(host);
});
