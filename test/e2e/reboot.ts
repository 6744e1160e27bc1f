/** A reboot, as far as a store can tell. */
import {
  chmodSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { Result, TestHost } from "./host.ts";

/** Runs a shell script in which `cooper` is this store's, in a mount namespace of its own. */
export async function inMounts(host: TestHost, prepare: string, script: string): Promise<Result> {
  const [cooper = "", ...options] = host.argv();
  const alias = `cooper() { ${[cooper, ...options].join(" ")} "$@"; }`;
  const child = Bun.spawn(["unshare", "-m", "sh", "-c", `${prepare}\n${alias}\n${script}`], {
    cwd: "/tmp",
    env: host.environment(),
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [stdout, stderr] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  return { exitCode: await child.exited, stdout, stderr };
}

/** Runs it with another boot id, which tells the next boot from this one whatever its pids and times are. */
export async function inNextBoot(host: TestHost, script: string): Promise<Result> {
  const bootId = join(host.directory, "boot_id");
  writeFileSync(bootId, "11111111-2222-3333-4444-555555555555\n");
  return inMounts(host, `mount --bind ${bootId} /proc/sys/kernel/random/boot_id`, script);
}

/**
 * All that a power failure takes: processes, mounts, cgroups, and the run directory.
 *
 * @param running all containers that run
 */
export async function powerOff(host: TestHost, ...running: string[]): Promise<void> {
  const pids = await host.must("inspect", "--format", "{{.State.Pid}}", ...running);
  endProcesses(host); // the monitors first, so that they see no end
  for (const pid of pids.split("\n")) process.kill(Number(pid), "SIGKILL");
  const run = (...argv: string[]) => Bun.spawnSync(argv, { stdio: ["ignore", "ignore", "ignore"] });
  const mounted = readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .map((line) => line.split(" ")[4] ?? "")
    .filter((path) => path.startsWith(`${host.directory}/`));
  for (const path of mounted.reverse()) run("umount", "-l", path);
  for (const id of readdirSync(join(host.root, "containers"))) {
    const emptied = ["-depth", "-type", "d", "-name", `*${id}*`, "-exec", "rmdir", "{}", "+"];
    for (let left = 20; left > 0 && !run("find", "/sys/fs/cgroup", ...emptied).success; left--)
      await Bun.sleep(100); // until the kernel has buried the last of them
  }
  renameSync(host.run, join(host.directory, "run-before"));
  chmodSync(host.place("run"), 0o700);
}

/** kill -9 for every process that this store has. */
export function endProcesses(host: TestHost): void {
  for (const line of host.processes()) {
    const pid = Number(line.split(" ")[0]);
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // it has ended with another
    }
  }
  const file = join(host.run, "pause.pid");
  const pause = existsSync(file) ? Number(readFileSync(file, "utf8").split(" ")[0]) : 0;
  if (pause > 1) process.kill(pause, "SIGKILL");
}
