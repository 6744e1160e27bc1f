/** An ordinary user mounts a directory into a container whose user is not root: both can write there. */
import { describe, expect, test } from "bun:test";
import { statSync } from "node:fs";
import { join } from "node:path";
import { type TestHost, testHost, users } from "./host.ts";

const [, user] = users;
const accounts =
  "echo app:x:1000:1001::/home/app:/bin/sh >> /etc/passwd; echo extra:x:50:app >> /etc/group; mkdir -p /home/app; chown 1000:1001 /home/app";

/** Images as most are that have a user: `app` by name, and `numbered` by number. */
async function images(host: TestHost): Promise<void> {
  await host.must("run", "--name", "made", "hello", "sh", "-c", accounts);
  await host.must("commit", "-c", "USER app", "made", "app");
  await host.must("commit", "-c", "USER 1000", "made", "numbered");
}

const write =
  "id -u; touch /work/f && echo wrote; stat -c %u:%g /work/f /home/app /bin; wc -l < /proc/self/uid_map";

describe.skipIf(user === undefined || user === null)("a directory of the caller's", () => {
  test.each(["app", "numbered"])("belongs to the user of image %s", async (image) => {
    await using host = await testHost(user ?? null);
    await images(host);
    const work = host.place("work");
    const said = await host.must(
      "run",
      "--name",
      "c",
      "-v",
      `${work}:/work`,
      image,
      "sh",
      "-c",
      write,
    );
    expect(said).toBe("1000\nwrote\n1000:1001\n1000:1001\n0:0\n3");
    const { uid, gid } = statSync(join(work, "f"));
    expect([uid, gid]).toEqual([user?.uid ?? 0, user?.gid ?? 0]);
    const shown = await host.must(
      "inspect",
      "-f",
      "{{.HostConfig.UsernsMode}} {{.HostConfig.UsernsReason}}",
      "c",
    );
    expect(shown).toBe(
      `keep-id:uid=1000,gid=1001 ${work} is the caller's, and the container's user is app (1000)`,
    );
    const [clone, fork] = [
      await host.must("container", "clone", "c"),
      await host.must("fork", "c"),
    ];
    const modes = await host.must("inspect", "-f", "{{.HostConfig.UsernsMode}}", clone, fork);
    expect(modes).toBe("keep-id:uid=1000,gid=1001\nkeep-id:uid=1000,gid=1001");
    await host.must("commit", "c", "again");
    expect(await host.must("run", "--rm", "again", "stat", "-c", "%u:%g", "/home/app")).toBe(
      "1000:1001",
    );
    expect(await host.must("exec", await restarted(host), "id", "-Gn")).toContain("extra");
  });

  test("belongs to whom --user names, and is made where it is missing", async () => {
    await using host = await testHost(user ?? null);
    const missing = join(host.place("work"), "new");
    const argv = ["run", "--rm", "--user", "7:8", "-v", `${missing}:/work`, "hello"];
    expect(await host.must(...argv, "sh", "-c", "touch /work/f; stat -c %u:%g /work/f")).toBe(
      "7:8",
    );
    expect(statSync(join(missing, "f")).uid).toBe(user?.uid ?? 0);
  });

  test("whatever else was asked leaves ids as they are", async () => {
    await using host = await testHost(user ?? null);
    await images(host);
    const work = host.place("work");
    const cases: [mode: string, ...options: string[]][] = [
      ["", "--userns", "host"],
      ["", "--uidmap", "0:0:2000"],
      ["", "--user", "root"],
      ["", "--ipc", "host"],
      [":ro"],
      [":U"],
    ];
    for (const [index, [mode, ...options]] of cases.entries()) {
      const name = `c${index}`;
      await host.must("create", "--name", name, ...options, "-v", `${work}:/work${mode}`, "app");
      const chosen = await host.must("inspect", "-f", "{{.HostConfig.UsernsMode}}", name);
      expect([mode, ...options, chosen]).not.toContain("keep-id:uid=1000,gid=1001");
    }
  });

  test("containers.conf answers too", async () => {
    await using host = await testHost(user ?? null, { configuration: 'userns = "host"' });
    await host.must(
      "create",
      "--name",
      "c",
      "-v",
      `${host.place("work")}:/work`,
      "--user",
      "7",
      "hello",
    );
    expect(await host.must("inspect", "-f", "{{.HostConfig.UsernsMode}}", "c")).toBe("host");
  });

  test("a volume remembers, and one with files of other ids decides against it", async () => {
    await using host = await testHost(user ?? null);
    await images(host);
    const work = ["-v", `${host.place("work")}:/work`];
    const touch = (name: string) => [
      "sh",
      "-c",
      `touch /home/app/${name} && stat -c %u /home/app/*`,
    ];
    const run = (...argv: string[]) => host.must("run", "--rm", ...argv);
    expect(await run(...work, "-v", "new:/home/app", "app", ...touch("a"))).toBe("1000");
    expect(await run("-v", "new:/home/app", "app", ...touch("b"))).toBe("1000\n1000");
    expect(await run("-v", "old:/home/app", "app", ...touch("a"))).toBe("1000");
    expect(await run(...work, "-v", "old:/home/app", "app", ...touch("b"))).toBe("1000\n1000");
    const refused = await host.cooper(
      "run",
      "--rm",
      ...work,
      "-v",
      "old:/home/app",
      "app",
      "touch",
      "/work/f",
    );
    expect(refused.stderr).toContain("since volume old has files of other ids");
    expect(refused.stderr).toContain("Permission denied");
    await host.must("volume", "rm", "--all");
  });
});

async function restarted(host: TestHost): Promise<string> {
  await host.must(
    "run",
    "-d",
    "--name",
    "d",
    "-v",
    `${host.place("work")}:/work`,
    "app",
    "sleep",
    "1000",
  );
  return "d";
}
