/** The two helper programs of this room: `ip -batch` for links, `nft -f` for the firewall; one call each. */
import { CooperError } from "../errors.ts";
import { helperEnvironment } from "../system/daemon.ts";
import { spawnIn } from "../system/netns.ts";
import { needProgram } from "../system/program.ts";

/** Runs a batch in the network namespace at `path` (null: ours). Stops at the first line that fails. */
export async function runIp(path: string | null, lines: readonly string[]): Promise<void> {
  if (lines.length === 0) return;
  await feed(path, [needProgram("ip"), "-batch", "-"], `${lines.join("\n")}\n`);
}

/** Applies a ruleset as one transaction: all of it or nothing. */
export async function runNft(path: string | null, text: string): Promise<void> {
  await feed(path, [needProgram("nft"), "-f", "-"], text);
}

/** A child starts in the network namespace that its maker is in at that moment. */
async function feed(path: string | null, argv: readonly string[], input: string): Promise<void> {
  const child = spawnIn(path, (before) =>
    Bun.spawn([...before, ...argv], {
      cwd: "/",
      env: helperEnvironment(),
      stdin: Buffer.from(input),
      stdout: "ignore",
      stderr: "pipe",
    }),
  );
  const [stderr, exitCode] = await Promise.all([new Response(child.stderr).text(), child.exited]);
  if (exitCode === 0) return;
  if (/Unknown device type|Operation not supported/.test(stderr)) {
    throw new CooperError(
      "not-supported",
      "the kernel of this host lacks what the network needs (macvlan, ipvlan, or VLANs of bridges)",
      { cause: stderr },
    );
  }
  throw new CooperError(
    "helper-failed",
    `${argv.join(" ")} exited with ${exitCode}: ${stderr.trim().split("\n").slice(0, 4).join("; ")}`,
    { cause: input },
  );
}
