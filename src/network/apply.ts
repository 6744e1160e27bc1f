/** The two helper programs of this room: `ip -batch` for links, `nft -f` for the firewall; one call each. */
import { CooperError } from "../errors.ts";
import { helperEnvironment } from "../system/daemon.ts";
import { spawnIn } from "../system/netns.ts";
import { findProgram, needProgram } from "../system/program.ts";
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

/** Which firewall is used: the configured one, else nftables, or iptables where that is all there is. */
export function firewallDriver(
  configured: "nftables" | "iptables" | "none" | null,
): "nftables" | "iptables" | "none" {
  if (configured !== null) return configured;
  const hasNft = findProgram("nft") !== undefined;
  return hasNft || findProgram("iptables-restore") === undefined ? "nftables" : "iptables";
}

/** Applies a ruleset as one transaction: all of it or nothing. */
export async function runNft(path: string | null, text: string): Promise<void> {
  await feed(path, [needProgram("nft"), "-f", "-"], text);
}

/** Makes our chains of iptables anew, in one family; what is there already decides how ours are called. */
export async function runIptables(
  path: string | null,
  program: "iptables" | "ip6tables",
  rulesetFor: (saved: string) => string,
): Promise<void> {
  const saved = await runHelper(path, [needProgram(`${program}-save`)], "");
  const text = rulesetFor(saved.stdout);
  await feed(path, [needProgram(`${program}-restore`), "--noflush", "-w"], text);
}

async function feed(
  path: string | null,
  argv: readonly string[],
  input: string,
  harmless?: RegExp,
): Promise<void> {
  const { stderr, exitCode } = await runHelper(path, argv, input);
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

/** Runs a helper program to its end, in the network namespace at `path`. */
export async function runHelper(
  path: string | null,
  argv: readonly string[],
  input: string,
): Promise<{ readonly exitCode: number; readonly stdout: string; readonly stderr: string }> {
  const child = spawnIn(path, (before) =>
    Bun.spawn([...before, ...argv], {
      cwd: "/",
      env: helperEnvironment(),
      stdin: Buffer.from(input),
      stdout: "pipe",
      stderr: "pipe",
    }),
  );
  const [stdout, stderr] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  return { exitCode: await child.exited, stdout, stderr };
}
