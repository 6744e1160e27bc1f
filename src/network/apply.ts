/** The two helper programs of this room: `ip -batch` for links, `nft -f` for the firewall; one call each. */
import { CooperError } from "../errors.ts";
import { helperEnvironment } from "../system/daemon.ts";
import { spawnIn } from "../system/netns.ts";
import { needProgram } from "../system/program.ts";
import type { Family } from "./address.ts";

/**
 * Runs a batch in the network namespace at `path` (null: ours). Stops at the first line that fails.
 *
 * @param options.harmless what a line may fail with, when that means that all is as it should be: then
 * the other lines are run all the same
 * @param options.family of lines that do not tell it by an address, such as rules
 */
export async function runIp(
  path: string | null,
  lines: readonly string[],
  { harmless, family }: { readonly harmless?: RegExp; readonly family?: Family } = {},
): Promise<void> {
  if (lines.length === 0) return;
  const flags = [
    ...(harmless === undefined ? [] : ["-force"]),
    ...(family === undefined ? [] : [`-${family}`]),
  ];
  const argv = [needProgram("ip"), ...flags, "-batch", "-"];
  await feed(path, argv, `${lines.join("\n")}\n`, harmless);
}

/** Applies a ruleset as one transaction: all of it or nothing. */
export async function runNft(path: string | null, text: string): Promise<void> {
  await feed(path, [needProgram("nft"), "-f", "-"], text);
}

/** A child starts in the network namespace that its maker is in at that moment. */
async function feed(
  path: string | null,
  argv: readonly string[],
  input: string,
  harmless?: RegExp,
): Promise<void> {
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
  const complaints = stderr
    .split("\n")
    .filter((line) => line.trim() !== "" && !line.startsWith("Command failed"));
  if (harmless !== undefined && complaints.every((line) => harmless.test(line))) return;
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
