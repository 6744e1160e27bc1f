/** Logs: bounded without being asked, in pieces, fast at their end. */
import { describe, expect, test } from "bun:test";
import { chmodSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { type TestHost, testHost, users } from "./host.ts";

/** Bytes of the log in all its files. */
async function logBytes(host: TestHost, name: string): Promise<number> {
  const path = await host.must("inspect", "-f", "{{.LogPath}}", name);
  return readdirSync(dirname(path))
    .filter((file) => file.startsWith(basename(path)))
    .reduce((sum, file) => sum + statSync(join(dirname(path), file)).size, 0);
}

/** Prints numbered lines of 100 bytes. */
const lines = (from: number, to: number) =>
  `i=${from}; while [ $i -le ${to} ]; do printf '%-99s\\n' $i; i=$((i+1)); done`;

describe.each(users.map((user) => ({ user, who: user?.name ?? "the caller" })))(
  "logs of $who",
  ({ user }) => {
    test("have a limit that nobody asked for, and tell it", async () => {
      await using host = await testHost(user);
      await host.must("create", "--name", "c", "hello", "true");
      await host.must("create", "--name", "d", "--log-opt", "max-size=-1", "hello", "true");
      const size = "{{.HostConfig.LogConfig.Size}}";
      expect(await host.must("inspect", "-f", size, "c", "d")).toBe("20971520B\n0B");
    });

    test("stay within max-size and max-file, and end with what was printed last", async () => {
      await using host = await testHost(user);
      const limits = ["--log-opt", "max-size=10k", "--log-opt", "max-file=3"];
      const command = ["hello", "sh", "-c", lines(1, 1000)];
      await host.must("run", "--name", "c", ...limits, ...command);
      expect(await logBytes(host, "c")).toBeLessThanOrEqual(30 << 10);
      const shown = (await host.cooper("logs", "--tail", "20", "c")).stdout.trim().split(/\s+/);
      expect(shown.at(-1)).toBe("1000");
    });

    test("with --details begin with the attributes that were asked for", async () => {
      await using host = await testHost(user);
      const attributes = [
        "--log-opt",
        "labels=a",
        "--log-opt",
        "env=X",
        "-l",
        "a=1 2",
        "-e",
        "X=y",
      ];
      await host.must("run", "--name", "c", ...attributes, "hello", "sh", "-c", "echo hi; echo ho");
      expect(await host.must("logs", "--details", "c")).toBe("X=y,a=1+2 hi\nX=y,a=1+2 ho");
      expect(await host.must("logs", "--details", "-t", "c")).toMatch(/^\S+ X=y,a=1\+2 hi\n/);
      expect((await host.cooper("create", "--log-opt", "tag={{.No}}", "hello")).stderr).toContain(
        "the tag's {{.No}} is none of ID, FullID, Name",
      );
    });

    test("stay bounded over many starts, and are read over what was set aside", async () => {
      await using host = await testHost(user);
      const limits = ["--log-opt", "max-size=16k"];
      await host.must("create", "--name", "c", ...limits, "hello", "sh", "-c", lines(1, 60));
      for (let start = 0; start < 5; start++) await host.must("start", "-a", "c");
      expect(await logBytes(host, "c")).toBeLessThanOrEqual(32 << 10);
      const shown = (await host.cooper("logs", "--tail", "100", "c")).stdout.trim().split(/\s+/);
      expect(shown.length).toBe(100);
      expect(shown.slice(40)).toEqual(Array.from({ length: 60 }, (_, at) => `${at + 1}`));
    });
  },
);

test("conmon that rotates is told how many files to keep", async () => {
  await using probe = await testHost();
  const monitor = join(probe.directory, "conmon");
  const told = join(probe.directory, "told");
  // conmon from 2.2 on knows the options; this one is told them and leaves them out
  writeFileSync(
    monitor,
    `#!/bin/sh
# log-max-files
printf '%s ' "$@" > ${told}
for word; do
  shift
  case $word in
    --log-rotate) ;;
    --log-max-files) skip=1 ;;
    *) if [ -n "$skip" ]; then skip=; else set -- "$@" "$word"; fi ;;
  esac
done
exec conmon "$@"
`,
  );
  chmodSync(monitor, 0o755);
  const configuration = `[engine]\nconmon_path = ["${monitor}"]\n`;
  await using host = await testHost(null, { configuration });
  await host.must("run", "--log-opt", "max-size=1m", "--log-opt", "max-file=4", "hello", "true");
  expect(readFileSync(told, "utf8")).toContain(
    "--log-size-max 1048576 --log-rotate --log-max-files 3",
  );
});
