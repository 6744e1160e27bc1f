/**
 * Other firewalls that drop what is forwarded: a packet passes when all of them let it, so ours accepting it
 * is not enough. Docker sets iptables' FORWARD policy to drop, ufw does too. There the bridge gets two rules that let
 * it through: what may pass and what not is still decided by our own table.
 */
import { CooperError } from "../errors.ts";
import { findProgram } from "../system/program.ts";
import { runHelper } from "./apply.ts";

/** A chain that sees forwarded packets and drops them unless one of its rules accepts. */
export interface ForwardBlocker {
  readonly family: string;
  readonly table: string;
  readonly chain: string;
  /** Chains of the table, to find the one that Docker leaves to others. */
  readonly others: readonly string[];
}

/** From `nft -j list chains` (libnftables-json(5)). */
export function forwardBlockers(text: string): ForwardBlocker[] {
  const parsed: unknown = JSON.parse(text);
  const list = isRecord(parsed) && Array.isArray(parsed.nftables) ? parsed.nftables : [];
  const chains = list.flatMap((one: unknown) =>
    isRecord(one) && isRecord(one.chain) ? [one.chain] : [],
  );
  return chains
    .filter(
      ({ hook, policy, table }) => hook === "forward" && policy === "drop" && table !== "cooper",
    )
    .map(({ family, table, name }) => ({
      family: String(family),
      table: String(table),
      chain: String(name),
      others: chains
        .filter((one) => one.family === family && one.table === table)
        .map((one) => String(one.name)),
    }));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

/** Which iptables program a blocking chain belongs to; undefined: it is nobody's that we know. */
export function iptablesOf({ family, table, chain }: ForwardBlocker): string | undefined {
  if (table !== "filter" || chain !== "FORWARD") return undefined;
  return { ip: "iptables", ip6: "ip6tables" }[family];
}

/** Rules for iptables-restore(8) that let a bridge through, or take that back. */
export function passRules(blocker: ForwardBlocker, bridge: string, isOn: boolean): string {
  const chain = blocker.others.includes("DOCKER-USER") ? "DOCKER-USER" : blocker.chain;
  const rules = ["-i", "-o"].map(
    (way) => `-${isOn ? "I" : "D"} ${chain} ${way} ${bridge} -m comment --comment cooper -j ACCEPT`,
  );
  return `*filter\n${rules.join("\n")}\nCOMMIT\n`;
}

/**
 * Lets a bridge through, or takes that back when it goes. A firewall that is not iptables' is left to its owner,
 * who is told.
 */
export async function passForwarding(
  where: string | null,
  bridge: string,
  isOn: boolean,
  warn: (message: string) => void,
): Promise<void> {
  const nft = findProgram("nft");
  if (nft === undefined) return;
  const listed = await runHelper(where, [nft, "-j", "list", "chains"], "");
  if (listed.exitCode !== 0) return;
  for (const blocker of forwardBlockers(listed.stdout)) {
    const iptables = findProgram(iptablesOf(blocker) ?? "");
    if (iptables === undefined) {
      if (isOn) warn(blockedText(blocker, bridge));
      continue;
    }
    // first taken out, so that there are never two; that fails where there is none, which is as good
    await runHelper(
      where,
      [`${iptables}-restore`, "--noflush", "-w"],
      passRules(blocker, bridge, false),
    );
    if (!isOn) continue;
    const text = passRules(blocker, bridge, true);
    const { exitCode, stderr } = await runHelper(
      where,
      [`${iptables}-restore`, "--noflush", "-w"],
      text,
    );
    if (exitCode !== 0)
      throw new CooperError("helper-failed", `${iptables}-restore: ${stderr.trim()}`, {
        cause: text,
      });
  }
}

function blockedText({ family, table, chain }: ForwardBlocker, bridge: string): string {
  const cure =
    table === "firewalld"
      ? `firewall-cmd --permanent --zone=trusted --add-interface=${bridge} && firewall-cmd --reload`
      : `nft insert rule ${family} ${table} ${chain} iifname ${bridge} accept, and the same with oifname`;
  return `the firewall of this host (table ${family} ${table}) drops what containers send and get; let it pass with: ${cure}`;
}
