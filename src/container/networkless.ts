/**
 * What a container's network is, as far as none of the engine's networks are concerned: the others load a
 * dozen modules, which `--network none` and `host` do without.
 */

import { accessSync, constants } from "node:fs";
import { CooperError } from "../errors.ts";
import type { Host } from "../host.ts";
import type { PublishedPort } from "../network/model.ts";
import { isInContainer } from "../system/own-limits.ts";
import { findProgram } from "../system/program.ts";
import type { Connection } from "./live-connections.ts";
import { warnOncePerBoot } from "./once-per-boot.ts";
import type { ContainerRecord, NetworkMode } from "./record.ts";
import type { RuntimeNetwork } from "./runtime-config/input.ts";
import type { ContainerSpec } from "./spec.ts";

/** Decided when the container is made, so that a changed configuration does not move it. */
export function decideMode(host: Host, spec: ContainerSpec): NetworkMode {
  const mode = chosenMode(host, spec);
  const { addresses, macAddress, aliases } = spec.networking;
  if (mode !== "bridge" && (addresses.length > 0 || macAddress !== null || aliases.length > 0)) {
    throw new CooperError(
      "invalid-argument",
      `--ip, --ip6, --mac-address and --network-alias need a network, and what is used without one is ${mode}`,
      { hint: "cooper network create NAME, and then --network NAME" },
    );
  }
  return mode;
}

function chosenMode(host: Host, spec: ContainerSpec): NetworkMode {
  const { kind } = spec.networking.mode;
  if (kind === "pasta" && !host.isRootless) {
    throw new CooperError(
      "not-supported",
      "pasta is for ordinary users: it gives up root's rights",
      {
        hint: "leave --network out, or use --network slirp4netns",
      },
    );
  }
  if (kind !== "default" && kind !== "private") return kind;
  const configured = kind === "private" ? "private" : host.settings.networkNamespace;
  if (configured === "host" || configured === "none") return configured;
  if (!host.isRootless || configured === "bridge") return "bridge";
  if (kind === "default" && spec.networking.ports.length === 0 && isInContainer() && !hasTun()) {
    // what is shared then is the network of the container around us, not that of the machine
    warnOncePerBoot(
      host,
      "no-tun",
      "there is no /dev/net/tun here: without --network, containers use the network of the surrounding container; --device /dev/net/tun there gives each its own",
    );
    return "host";
  }
  const helper = host.settings.defaultRootlessNetworkCommand;
  const other = helper === "pasta" ? "slirp4netns" : "pasta";
  return findProgram(helper) === undefined && findProgram(other) !== undefined ? other : helper;
}

/** What a starting container has joined. Disposing closes the sockets, which conmon has by then. */
export interface JoinedNetworks extends Disposable {
  /** What the OCI runtime is told. */
  readonly runtime: RuntimeNetwork;
  /** Its networks, in order, with the addresses that it has there. */
  readonly connections: readonly Connection[];
  readonly ports: readonly PublishedPort[];
  /** Sockets that hold its ports of the host: for conmon to inherit, and to keep as long as it lives. */
  readonly heldDescriptors: readonly number[];
  /** Fulfilled when its network namespace is there, if the runtime is told of one. */
  readonly namespace: Promise<void>;
  /** Fulfilled when links and firewall are in place, of a namespace that the runtime does not make. */
  readonly ready: Promise<void>;
  /** What the container's files say of it; after `afterCreate`. */
  readonly facts: Promise<NetworkFacts>;
  /** Does what takes the process, and waits for all the rest: before it resolves the process must not run. */
  afterCreate(pid: number): Promise<void>;
}

/** Whether there is nothing to join, and nothing to leave. */
export function isNetworkless({ resolved }: ContainerRecord): boolean {
  return ["none", "host", "container", "path"].includes(resolved.networkMode);
}

/** For one that is networkless. A container's or a path's namespace is found later: it must live by then. */
export function networkless({ resolved }: ContainerRecord): JoinedNetworks {
  const isShared = resolved.networkMode === "host";
  const facts = isShared ? hostNetwork : noNetwork;
  return {
    runtime: { kind: isShared ? "host" : "new" },
    connections: [],
    ports: [],
    heldDescriptors: [],
    namespace: Promise.resolve(),
    ready: Promise.resolve(),
    facts: Promise.resolve(facts),
    afterCreate: () => Promise.resolve(),
    [Symbol.dispose]: () => undefined,
  };
}

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

function hasTun(): boolean {
  try {
    accessSync("/dev/net/tun", constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false; // not given to this container
  }
}
