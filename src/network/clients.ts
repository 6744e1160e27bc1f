/**
 * Clients of published ports whose connections the kernel remembers from before. UDP has no end, so an entry
 * lives as long as the client sends: past the container that it leads to, or from before there was one.
 */
import { networkInterfaces } from "node:os";
import { forgetAnswering, forgetUdpTo } from "../system/conntrack.ts";
import { canReturn, inNetns } from "../system/netns.ts";
import { addressBytes } from "./address.ts";
import type { PublishedPort } from "./model.ts";
import type { PortTarget } from "./ruleset.ts";

/** Ports of a range beyond it are not worth a walk through the kernel's table each. */
const mostPorts = 64;

/** When a container ends: nobody is led to its addresses any more. */
export function forgetOldClients(
  where: string | null,
  { ipv4, ipv6 }: PortTarget,
  debug: (message: string) => void,
): void {
  const addresses = [ipv4, ipv6].filter((address) => address !== null);
  act(where, debug, () => {
    for (const address of addresses) forgetAnswering(addressBytes(address));
  });
}

/** When ports have been published: who sent to them before is looked at anew. */
export function forgetEarlierClients(
  where: string | null,
  { ports }: PortTarget,
  debug: (message: string) => void,
): void {
  const udp = ports.filter(({ protocol }) => protocol === "udp");
  if (udp.length === 0) return;
  act(where, debug, () => {
    for (const port of udp) {
      for (const address of hostAddresses(port)) {
        for (let at = 0; at < Math.min(port.count, mostPorts); at++)
          forgetUdpTo(addressBytes(address), port.hostPort + at);
      }
    }
  });
}

function hostAddresses({ hostAddress }: PublishedPort): string[] {
  if (hostAddress !== "0.0.0.0" && hostAddress !== "::") return [hostAddress];
  const isIpv6 = hostAddress === "::";
  return Object.values(networkInterfaces()).flatMap((list = []) =>
    list
      .map(({ address }) => address.replace(/%.*/, ""))
      .filter((address) => address.includes(":") === isIpv6),
  );
}

/** As an ordinary user the connections end with the helper that carries them. */
function act(where: string | null, debug: (message: string) => void, forget: () => void): void {
  if (!canReturn()) return;
  try {
    inNetns(where, forget);
  } catch (error) {
    debug(`connections are left to time out: ${String(error)}`); // a kernel without ctnetlink
  }
}
