/** The other engines and tools that tests ask: they read what we write, and write what we read. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TestHost, User } from "./host.ts";

/** Whether the program is installed; tests that need it are skipped where it is not. */
export function hasPeer(program: string): boolean {
  return Bun.which(program) !== null;
}

/**
 * Runs a peer as the user, in a directory of the host's, with a home of its own. As root it has a mount
 * namespace too: the overlay driver of containers/storage leaves a mount behind.
 */
export function peer(host: TestHost, user: User | null, ...argv: string[]): string {
  const made = tryPeer(host, user, ...argv);
  if (!made.success) throw new Error(`${argv.join(" ")}: ${made.stderr}`);
  return made.stdout.toString().trim();
}

/** Ends the process that keeps Podman's namespaces for an ordinary user. */
export function endPodman(host: TestHost): void {
  try {
    process.kill(Number(readFileSync(join(host.place("xdg"), "libpod/tmp/pause.pid"), "utf8")));
  } catch {
    return; // root has none
  }
}

/** As peer(), whatever comes of it. */
export function tryPeer(host: TestHost, user: User | null, ...argv: string[]) {
  const words =
    user === null
      ? ["unshare", "--mount", "--", ...argv]
      : ["setpriv", `--reuid=${user.uid}`, `--regid=${user.gid}`, "--init-groups", "--", ...argv];
  const conf = join(host.place("peers"), "containers.conf");
  // crun refuses some hosts that runc takes, and limits may not be raised everywhere
  writeFileSync(
    conf,
    '[containers]\ndefault_ulimits=["nofile=1024:1024","nproc=1024:1024"]\n[engine]\nruntime="runc"\ncgroup_manager="cgroupfs"\nevents_logger="file"\n',
  );
  const env = host.environment({
    XDG_RUNTIME_DIR: host.place("xdg"),
    CONTAINERS_CONF: conf,
  });
  return Bun.spawnSync(words, { env, cwd: host.place("files"), stderr: "pipe" });
}
