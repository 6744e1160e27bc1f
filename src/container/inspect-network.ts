/** The NetworkSettings part of `inspect`: what a container's connections are right now. */
import type { Host } from "../host.ts";
import type { Attachment, LeasedAddress } from "../network/model.ts";
import { portsOf } from "../records/leases.ts";
import { attachmentsOf } from "../records/networks.ts";
import { liveState } from "./live-state.ts";
import { isUp, portBindings } from "./published.ts";
import type { ContainerRecord } from "./record.ts";

/** Names, and empty values for what is not there, are Docker's (API `NetworkSettings`). */
export function networkSettings(host: Host, container: ContainerRecord): Record<string, unknown> {
  const { networkMode } = container.resolved;
  const { id } = container;
  const isRunning = isUp(liveState(host, container).state);
  const attachments = attachmentsOf(host.database, id);
  const endpoints = attachments.map((attachment) => endpointOf(container, attachment, isRunning));
  const first = endpoints[0];
  return {
    EndpointID: first?.EndpointID ?? "",
    Gateway: first?.Gateway ?? "",
    IPAddress: first?.IPAddress ?? "",
    IPPrefixLen: first?.IPPrefixLen ?? 0,
    IPv6Gateway: first?.IPv6Gateway ?? "",
    GlobalIPv6Address: first?.GlobalIPv6Address ?? "",
    GlobalIPv6PrefixLen: first?.GlobalIPv6PrefixLen ?? 0,
    MacAddress: first?.MacAddress ?? "",
    Bridge: "",
    SandboxID: "",
    HairpinMode: false,
    LinkLocalIPv6Address: "",
    LinkLocalIPv6PrefixLen: 0,
    Ports: portBindings(container, isRunning ? portsOf(host.database, id) : []),
    SandboxKey: isRunning && networkMode === "bridge" ? host.paths.container(id).netns : "",
    Networks: endpointsByNetwork(container, attachments, isRunning),
  };
}

/** By the name of the network. */
export function endpointsByNetwork(
  container: ContainerRecord,
  attachments: readonly Attachment[],
  isRunning: boolean,
): Record<string, ReturnType<typeof emptyEndpoint>> {
  const { networkMode } = container.resolved;
  if (networkMode === "host" || networkMode === "none")
    return { [networkMode]: { ...emptyEndpoint(), NetworkID: networkMode } };
  return Object.fromEntries(
    attachments.map((attachment) => [
      attachment.networkName,
      endpointOf(container, attachment, isRunning),
    ]),
  );
}

function emptyEndpoint() {
  return {
    EndpointID: "",
    Gateway: "",
    IPAddress: "",
    IPPrefixLen: 0,
    IPv6Gateway: "",
    GlobalIPv6Address: "",
    GlobalIPv6PrefixLen: 0,
    MacAddress: "",
    NetworkID: "",
    DriverOpts: null as Record<string, string> | null,
    IPAMConfig: null as { IPv4Address?: string; IPv6Address?: string } | null,
    Links: null,
    Aliases: null as string[] | null,
  };
}

function endpointOf(container: ContainerRecord, attachment: Attachment, isRunning: boolean) {
  const { live, addresses: asked } = attachment;
  const find = (list: readonly LeasedAddress[], isIpv6: boolean) =>
    list.find(({ address }) => address.includes(":") === isIpv6);
  const leased = isRunning && live !== null ? live.addresses : [];
  const [ipv4, ipv6] = [find(leased, false), find(leased, true)];
  const askedOf = (isIpv6: boolean) => asked.find((text) => text.includes(":") === isIpv6);
  const [askedIpv4, askedIpv6] = [askedOf(false), askedOf(true)];
  return {
    ...emptyEndpoint(),
    EndpointID: leased.length > 0 ? container.id : "",
    Gateway: ipv4?.gateway ?? "",
    IPAddress: ipv4?.address ?? "",
    IPPrefixLen: ipv4?.prefixLength ?? 0,
    IPv6Gateway: ipv6?.gateway ?? "",
    GlobalIPv6Address: ipv6?.address ?? "",
    GlobalIPv6PrefixLen: ipv6?.prefixLength ?? 0,
    MacAddress: isRunning ? (live?.mac ?? "") : (attachment.mac ?? ""),
    NetworkID: attachment.networkId,
    IPAMConfig:
      asked.length === 0
        ? null
        : {
            ...(askedIpv4 !== undefined && { IPv4Address: askedIpv4 }),
            ...(askedIpv6 !== undefined && { IPv6Address: askedIpv6 }),
          },
    Aliases: [...attachment.aliases, container.id.slice(0, 12)],
  };
}
