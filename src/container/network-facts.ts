/** What the files in a container's /etc say of its network. */
import type { Host } from "../host.ts";
import { globalAddresses } from "../network/host-addresses.ts";
import { listenAddresses } from "../network/names.ts";
import type { Connection } from "./live-connections.ts";
import { answersNames } from "./network-names.ts";
import type { NetworkFacts } from "./networkless.ts";

/** In networks. Root's gateways are the host; those of ordinary users are not, but let the host be reached. */
export function bridgeFacts(host: Host, connections: readonly Connection[]): NetworkFacts {
  const named = connections.filter(({ network }) => answersNames(network));
  const outward = connections.find(
    ({ network }) => network.driver === "bridge" && !network.isInternal,
  );
  const gateway = outward?.live.addresses.find((one) => one.gateway !== null)?.gateway ?? null;
  return {
    addresses: connections.flatMap(({ live }) => live.addresses.map(({ address }) => address)),
    hostAddress: host.isRootless && gateway !== null ? (globalAddresses()[0] ?? null) : gateway,
    resolvers: named.length > 0 ? named.flatMap(({ network }) => listenAddresses(network)) : null,
    hasNames: named.length > 0,
    isShared: false,
  };
}
