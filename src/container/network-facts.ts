/** What the files in a container's /etc say of its network. */
import type { Host } from "../host.ts";
import { globalAddresses } from "../network/host-addresses.ts";
import { listenAddresses } from "../network/names.ts";
import type { Connection } from "./live-connections.ts";
import { answersNames } from "./network-names.ts";

/** Known once the container is connected. */
export interface NetworkFacts {
  /** The container's own, the one of its default route first; none: it has its loopback alone. */
  readonly addresses: readonly string[];
  /** Leads to the host; null: nothing does. */
  readonly hostAddress: string | null;
  /** Whom it asks for names; null: the host's resolvers that can be reached from another network. */
  readonly resolvers: readonly string[] | null;
  /** Whether those know the other containers, and take the container's own --dns into account. */
  readonly hasNames: boolean;
  /** Whether it has the host's network, and so its loopback. */
  readonly isShared: boolean;
}

/** Without any network. */
export const noNetwork: NetworkFacts = {
  addresses: [],
  hostAddress: null,
  resolvers: null,
  hasNames: false,
  isShared: false,
};

/** With the host's. */
export const hostNetwork: NetworkFacts = {
  ...noNetwork,
  hostAddress: "127.0.0.1",
  isShared: true,
};

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
