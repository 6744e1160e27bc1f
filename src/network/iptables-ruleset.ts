/**
 * The firewall for hosts that have iptables only: the promises of ruleset.ts as chains for iptables-restore(8).
 * Pure. It has no maps, so a port is a rule, and every change makes our chains anew; what others have is left alone.
 */
import { invariant } from "../errors.ts";
import type { Family } from "./address.ts";
import type { Network, PublishedPort } from "./model.ts";
import { hasNames, listenAddresses } from "./names.ts";
import { isOpen, linkName, masquerades, type PortTarget, usualNamesPort } from "./ruleset.ts";

/** Where our chains are called from, by table. */
const jumps: Readonly<Record<string, readonly (readonly [from: string, to: string])[]>> = {
  mangle: [["PREROUTING", "COOPER-SPOOFED"]],
  nat: [
    ["PREROUTING", "COOPER-PREROUTING"],
    ["OUTPUT", "COOPER-OUTPUT"],
    ["POSTROUTING", "COOPER-POSTROUTING"],
  ],
  filter: [["FORWARD", "COOPER-FORWARD"]],
};

const ownChains: Readonly<Record<string, readonly string[]>> = {
  mangle: ["COOPER-SPOOFED"],
  nat: ["COOPER-PREROUTING", "COOPER-OUTPUT", "COOPER-PUBLISH", "COOPER-POSTROUTING"],
  filter: ["COOPER-FORWARD", "COOPER-GUARD"],
};

/**
 * Input for `iptables-restore --noflush` (or ip6tables-restore): our chains anew, each table in one step.
 *
 * @param saved what iptables-save(8) prints: the calls of our chains that are missing are put first
 * @param namesPort where the names service listens
 */
export function iptablesRuleset(
  family: Family,
  networks: readonly Network[],
  targets: readonly PortTarget[],
  saved: string,
  namesPort = usualNamesPort,
): string {
  const bridges = networks.filter(({ driver }) => driver === "bridge");
  const rules: Record<string, string[]> = {
    mangle: spoofed(family, bridges),
    nat: [...leadToNames(family, bridges, namesPort), ...nat(family, bridges, targets)],
    filter: forward(bridges),
  };
  return Object.entries(jumps)
    .flatMap(([table, calls]) => [
      `*${table}`,
      ...(ownChains[table] ?? []).map((chain) => `:${chain} - [0:0]`),
      ...calls
        .filter(([from, to]) => !tableOf(saved, table).includes(`-A ${from} -j ${to}`))
        .map(([from, to]) => `-I ${from} -j ${to}`),
      ...(rules[table] ?? []),
      "COMMIT",
    ])
    .map((line) => `${line}\n`)
    .join("");
}

/** The lines of one table in the output of iptables-save(8). */
function tableOf(saved: string, table: string): string[] {
  const lines = saved.split("\n");
  const start = lines.indexOf(`*${table}`);
  return start < 0 ? [] : lines.slice(start, lines.indexOf("COMMIT", start));
}

function bridgeOf({ interfaceName }: Network): string {
  invariant(linkName.test(interfaceName), `a link's name: ${JSON.stringify(interfaceName)}`);
  return interfaceName;
}

const loopback: Readonly<Record<Family, string>> = { 4: "127.0.0.0/8", 6: "::1/128" };
const multicast: Readonly<Record<Family, string>> = { 4: "224.0.0.0/4", 6: "ff00::/8" };
const established = "-m conntrack --ctstate ESTABLISHED,RELATED";
const isPublished = "-m conntrack --ctstate DNAT";

function spoofed(family: Family, bridges: readonly Network[]): string[] {
  return bridges.map(bridgeOf).flatMap((bridge) => {
    const from = `-A COOPER-SPOOFED -i ${bridge}`;
    return [
      `${from} ${established} -j RETURN`,
      `${from} -d ${loopback[family]} -j DROP`,
      `${from} -s ${loopback[family]} -j DROP`,
      ...(family === 6 ? [`${from} -s ::/128 -j RETURN`] : []),
      `${from} -m rpfilter --invert -j DROP`,
    ];
  });
}

const subnetsOf = (network: Network, family: Family) =>
  network.subnets
    .map(({ subnet }) => subnet)
    .filter((subnet) => subnet.includes(":") === (family === 6));

function leadToNames(family: Family, bridges: readonly Network[], port: number): string[] {
  if (port === usualNamesPort) return [];
  return bridges.filter(hasNames).flatMap((network) =>
    listenAddresses(network)
      .filter((address) => address.includes(":") === (family === 6))
      .flatMap((address) =>
        ["udp", "tcp"].map(
          (protocol) =>
            `-A COOPER-PREROUTING -i ${bridgeOf(network)} -d ${address} -p ${protocol} -m ${protocol} --dport ${usualNamesPort} -j REDIRECT --to-ports ${port}`,
        ),
      ),
  );
}

function nat(
  family: Family,
  bridges: readonly Network[],
  targets: readonly PortTarget[],
): string[] {
  const local = "-m addrtype --dst-type LOCAL -j COOPER-PUBLISH";
  const names = bridges.map(bridgeOf);
  return [
    `-A COOPER-PREROUTING ! -d ${loopback[family]} ${local}`,
    // of IPv6 the loopback leads nowhere
    `-A COOPER-OUTPUT ${family === 6 ? `! -d ${loopback[6]} ` : ""}${local}`,
    ...targets.flatMap((target) => publishRules(family, target)),
    ...names.flatMap((bridge) => [
      ...[...bridges.flatMap((one) => subnetsOf(one, family)), loopback[family]].map(
        (source) => `-A COOPER-POSTROUTING -s ${source} -o ${bridge} ${isPublished} -j MASQUERADE`,
      ),
      `-A COOPER-POSTROUTING -o ${bridge} -j RETURN`,
    ]),
    ...bridges
      .filter(masquerades)
      .flatMap((network) => subnetsOf(network, family))
      .map(
        (source) => `-A COOPER-POSTROUTING -s ${source} ! -d ${multicast[family]} -j MASQUERADE`,
      ),
  ];
}

/** Ports of one address stand before those of all, as the more exact ones. */
function publishRules(family: Family, { ports, ipv4, ipv6 }: PortTarget): string[] {
  const inside = family === 4 ? ipv4 : ipv6;
  if (inside === null) return [];
  const isAny = ({ hostAddress }: PublishedPort) => ["0.0.0.0", "::"].includes(hostAddress);
  const ours = ports.filter(({ hostAddress }) => hostAddress.includes(":") === (family === 6));
  return [...ours.filter((port) => !isAny(port)), ...ours.filter(isAny)].flatMap((port) =>
    Array.from({ length: port.count }, (_, at) => {
      const on = isAny(port) ? "" : ` -d ${port.hostAddress}`;
      const address = family === 6 ? `[${inside}]` : inside;
      return `-A COOPER-PUBLISH -p ${port.protocol}${on} -m ${port.protocol} --dport ${port.hostPort + at} -j DNAT --to-destination ${address}:${port.containerPort + at}`;
    }),
  );
}

function forward(bridges: readonly Network[]): string[] {
  const names = bridges.map(bridgeOf);
  const open = bridges.filter(isOpen).map(bridgeOf);
  const guard = "-A COOPER-GUARD";
  return [
    ...names.flatMap((bridge) => [
      `-A COOPER-FORWARD -i ${bridge} -j COOPER-GUARD`,
      `-A COOPER-FORWARD -o ${bridge} -j COOPER-GUARD`,
    ]),
    `${guard} ${established} -j ACCEPT`,
    ...names.map((bridge) => `${guard} -i ${bridge} -o ${bridge} -j ACCEPT`),
    ...bridges
      .filter(({ isInternal }) => isInternal)
      .map(bridgeOf)
      .flatMap((bridge) => [`${guard} -i ${bridge} -j DROP`, `${guard} -o ${bridge} -j DROP`]),
    ...names.map((bridge) => `${guard} -o ${bridge} ${isPublished} -j ACCEPT`),
    ...open.flatMap((from) =>
      open.filter((to) => to !== from).map((to) => `${guard} -i ${from} -o ${to} -j ACCEPT`),
    ),
    ...names.map((bridge) => `${guard} -o ${bridge} -j DROP`),
    // accepted here, since FORWARD itself may drop
    ...names.map((bridge) => `${guard} -i ${bridge} -j ACCEPT`),
  ];
}
