/** The storage drivers that stand in where the kernel mounts no overlay. */
import { describe, expect, test } from "bun:test";
import { accessSync, constants, existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { testHost, users } from "./host.ts";

const drivers = ["vfs", "fuse-overlayfs"] as const;

/** Why a driver cannot be tried as that user; undefined when it can. */
function whyNot(driver: string, isRoot: boolean): string | undefined {
  if (driver !== "fuse-overlayfs") return undefined;
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

  test.each(["overlay", ...drivers])("%s tells what changed, and commits it", async (driver) => {
    const reason = whyNot(driver, user === null);
    if (reason !== undefined) return console.warn(`skipped: ${reason}`);
    await using host = await testHost(user);
    const base = "mkdir -p /a/deep /b; echo 1 > /a/one; echo 2 > /a/deep/two; ln -s one /a/link";
    const run = (name: string, image: string, script: string) =>
      host.must(
        ...["--storage-driver", driver, "run", "--name", name, "--network", "none", image],
        ...["sh", "-c", script],
      );
    await run("base", "hello", base);
    await host.must("--storage-driver", driver, "commit", "-q", "base", "localhost/base");
    const change =
      "rm /a/one; chmod 600 /a/deep/two; rm /a/link; mkdir /a/link; echo 3 > /a/link/three;" +
      "rm -r /b; mkdir /b; echo 4 > /b/four; ln /b/four /five; rmdir /home; echo 6 > /home";
    await run("c", "localhost/base", change);
    const changes = await host.must("--storage-driver", driver, "diff", "c");
    expect(changes.split("\n")).toEqual([
      ...["C /a", "C /a/deep", "C /a/deep/two", "C /a/link", "A /a/link/three", "D /a/one"],
      ...["C /b", "A /b/four", "A /five", "C /home"],
    ]);
    await host.must("--storage-driver", driver, "commit", "-q", "c", "localhost/changed");
    const imageDiff = await host.must(
      "--storage-driver",
      driver,
      "image",
      "diff",
      "localhost/changed",
    );
    expect(imageDiff).toBe(changes);
    const look =
      "ls -A /a /a/link /b; stat -c %a /a/deep/two; cat /five /home; test /five -ef /b/four && echo same";
    const after = await run("d", "localhost/changed", look);
    expect(after).toBe(await run("e", "localhost/changed", look));
    expect(after.split("\n")).toEqual([
      ...["/a:", "deep", "link", "", "/a/link:", "three", "", "/b:", "four"],
      ...["600", "4", "6", "same"],
    ]);
    expect(await host.must("--storage-driver", driver, "diff", "d")).toBe("");
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
