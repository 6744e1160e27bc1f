/** Commands that Cooper offers, pasted into a shell by whoever was offered them. */
import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { binary, type Result, type TestHost, type User } from "./host.ts";

/** Puts `cooper` (on the test's store) and `sudo` where paste() finds them. */
export function withTools(host: TestHost): void {
  const tools = host.place("bin");
  const store = `--root ${host.root} --runroot ${host.run}`;
  writeFileSync(join(tools, "cooper"), `#!/bin/sh\nexec ${binary} ${store} "$@"\n`);
  // what it is asked for is done by who runs the tests
  writeFileSync(join(tools, "sudo"), `#!/bin/sh\nprintf '%s\\0' "$@" > ${tools}/asked\n`);
  for (const name of ["cooper", "sudo"]) chmodSync(join(tools, name), 0o755);
}

/** Runs them one after the other until one fails; the result of the last that ran. */
export async function paste(
  host: TestHost,
  user: User | null,
  commands: readonly string[],
  extra: Readonly<Record<string, string>> = {},
): Promise<Result> {
  const asUser =
    user === null
      ? []
      : ["setpriv", `--reuid=${user.uid}`, `--regid=${user.gid}`, "--init-groups", "--"];
  const env = host.environment(extra);
  let last: Result = { exitCode: -1, stdout: "", stderr: "no command" };
  for (const command of commands) {
    const child = Bun.spawn([...asUser, "sh", "-c", command], {
      cwd: "/tmp",
      env: { ...env, PATH: `${join(host.directory, "bin")}:${env.PATH}` },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const [stdout, stderr] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
    ]);
    last = { exitCode: await child.exited, stdout, stderr: `${command}\n${stderr}` };
    doAsked(join(host.directory, "bin", "asked"));
    if (last.exitCode !== 0) break;
  }
  return last;
}

/** What sudo was asked for, if it was. */
function doAsked(file: string): void {
  if (!existsSync(file)) return;
  const words = readFileSync(file, "utf8").split("\0").slice(0, -1);
  rmSync(file);
  const done = Bun.spawnSync(words, { stdio: ["ignore", "ignore", "pipe"] });
  if (!done.success) throw new Error(`${words.join(" ")}: ${done.stderr}`);
}
