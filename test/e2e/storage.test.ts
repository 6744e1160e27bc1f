/** The storage drivers that stand in where the kernel mounts no overlay. */
import { describe, expect, test } from "bun:test";
import { accessSync, constants, existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { testHost, users } from "./host.ts";

const drivers = ["vfs", "fuse-overlayfs"] as const;

/** Why a driver cannot be tried as that user; undefined when it can. */
function whyNot(driver: string, isRoot: boolean): string | undefined {
  if (driver === "vfs") return undefined;
  if (!existsSync("/usr/bin/fuse-overlayfs")) return "fuse-overlayfs is not installed";
  try {
    accessSync("/dev/fuse", constants.R_OK | constants.W_OK);
  } catch {
    return "no /dev/fuse";
  }
  return isRoot || (statSync("/dev/fuse").mode & 0o006) === 0o006
    ? undefined
    : "/dev/fuse is root's";
}

describe.each(users)("storage as %p", (user) => {
  test.each(drivers)("%s keeps a container's changes, and the image as it was", async (driver) => {
    const reason = whyNot(driver, user === null);
    if (reason !== undefined) return console.warn(`skipped: ${reason}`);
    await using host = await testHost(user);
    const cooper = (...words: string[]) => host.must("--storage-driver", driver, ...words);
    const change = "rm /bin/env; echo mine > /f; echo x >> /bin/busybox; sleep 1000";
    const id = await cooper("run", "-d", "--network", "none", "hello", "sh", "-c", change);
    while ((await host.cooper("exec", id, "test", "-s", "/f")).exitCode !== 0) await Bun.sleep(20);
    await cooper("stop", "--time", "0", id);
    await cooper("start", id);
    expect(await cooper("exec", id, "sh", "-c", "cat /f; ls /bin/env; true")).toBe("mine");
    const [name] = (await cooper("inspect", "--format", "{{.GraphDriver.Name}}", id)).split("\n");
    expect(name).toBe(driver);
    // one that is made by the kernel's overlay shares the image with it
    const other = await host.cooper(
      "run",
      "--rm",
      "--network",
      "none",
      "hello",
      "sh",
      "-c",
      "ls /bin/env; tail -c 2 /bin/busybox | grep -c x; true",
    );
    expect(other.stdout).toBe("/bin/env\n0\n");
    expect(await host.must("info", "--format", "{{.store.graphDriverName}}")).toBe("overlay");
    await cooper("rm", "-f", id);
  });

  test("a copy is removed whole, and a start that was killed while copying goes again", async () => {
    await using host = await testHost(user);
    await host.must(
      "--storage-driver",
      "vfs",
      "create",
      "--network",
      "none",
      "--name",
      "x",
      "hello",
      "true",
    );
    await host.killedAt("rename", 1, "--storage-driver", "vfs", "start", "x");
    await host.must("--storage-driver", "vfs", "start", "x");
    expect(await host.must("wait", "x")).toBe("0");
    const [directory = ""] = (
      await host.must("inspect", "--format", "{{.GraphDriver.Data.dir}}", "x")
    ).split("\n");
    expect(existsSync(join(directory, "bin"))).toBe(true);
    await host.must("rm", "x");
    expect(existsSync(directory)).toBe(false);
  });
});
