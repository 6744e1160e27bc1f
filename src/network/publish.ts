/** Published ports: which ports of the host are taken, and holding them against everybody else. */
import type { Database } from "bun:sqlite";
import { closeSync } from "node:fs";
import type { PortRequest } from "../container/spec.ts";
import { CooperError, errnoName } from "../errors.ts";
import { portHolder } from "../records/leases.ts";
import { findPortOwner, holdPort } from "../system/socket.ts";
import { addressBytes, type Family, parseAddress } from "./address.ts";
import type { PublishedPort } from "./model.ts";

/** Thrown with code `conflict` when another container has published the port; `holder` is its id. */
export class PortInUse extends CooperError {
  readonly holder: string;

  constructor(port: PublishedPort, holder: string, name: string) {
    super("conflict", `${portText(port)} is published by container ${name} already`, {
      hint: `cooper stop ${name}, or publish another port`,
    });
    this.holder = holder;
  }
}

/** How a taken port is named to the user. */
function portText({ hostAddress, hostPort, count, protocol }: PublishedPort): string {
  const address = hostAddress.includes(":") ? `[${hostAddress}]` : hostAddress;
  const last = count > 1 ? `-${hostPort + count - 1}` : "";
  return `port ${address}:${hostPort}${last}/${protocol}`;
}

/** Published ports, and the sockets that hold them: inherited by conmon, then closed here. */
export class HeldPorts implements Disposable {
  readonly ports: PublishedPort[] = [];
  readonly descriptors: number[] = [];

  [Symbol.dispose](): void {
    for (const descriptor of this.descriptors.splice(0)) closeSync(descriptor);
  }
}

/** conmon inherits the sockets, and a process has 1024 descriptors; ports beyond are tried, not held. */
const mostHeld = 200;

/** Where ports lead, and who asks for them. */
export interface PublishContext {
  readonly database: Database;
  readonly containerId: string;
  /** Families in which the container has an address that can be reached from the host. */
  readonly families: readonly Family[];
  /** Whether what is published on ::1 leads anywhere. */
  readonly leadsFromLoopback6: boolean;
  /** Where ports without an address of their own are published; null: everywhere. */
  readonly ipv4Binding: string | null;
  nameOf(containerId: string): string;
  /** What must be nobody else's for a port: where addresses are not told apart, its number on all of them. */
  seenAs(port: PublishedPort): PublishedPort;
}

/**
 * Takes the ports of the host that were asked for.
 *
 * @throws PortInUse, or CooperError `conflict` naming the process that has the port
 */
export function holdPorts(requests: readonly PortRequest[], context: PublishContext): HeldPorts {
  const held = new HeldPorts();
  try {
    for (const request of requests) holdRequest(held, request, context);
    return held;
  } catch (error) {
    held[Symbol.dispose]();
    throw error;
  }
}

/** Without an address, one port number is taken in every family; so a random one must be free in all. */
function holdRequest(held: HeldPorts, request: PortRequest, context: PublishContext): void {
  const addresses = hostAddresses(request, context);
  const first = request.hostPort;
  const attempts = first === null ? 20 : request.choices;
  for (let attempt = 0; ; attempt++) {
    const mark = { ports: held.ports.length, descriptors: held.descriptors.length };
    try {
      let number = first === null ? 0 : first + attempt;
      for (const hostAddress of addresses) {
        number = holdRange(held, { ...request, hostAddress, hostPort: number }, context);
      }
      return;
    } catch (error) {
      held.ports.splice(mark.ports);
      for (const descriptor of held.descriptors.splice(mark.descriptors)) closeSync(descriptor);
      const isTaken = error instanceof CooperError && error.code === "conflict";
      if (!isTaken || attempt + 1 >= attempts) throw error;
    }
  }
}

function hostAddresses(request: PortRequest, context: PublishContext): string[] {
  const { families, ipv4Binding } = context;
  if (request.hostAddress === null) {
    // Docker's option binds to one address; one that says "only there" must not be open on IPv6
    if (ipv4Binding !== null && ipv4Binding !== "0.0.0.0") return [ipv4Binding];
    return families.map((family) => (family === 4 ? "0.0.0.0" : "::"));
  }
  const { family } = parseAddress(request.hostAddress);
  if (request.hostAddress === "::1" && !context.leadsFromLoopback6) {
    throw new CooperError("not-supported", "a port cannot be published on ::1", {
      hint: `publish it on 127.0.0.1: localhost means both`,
    });
  }
  if (families.includes(family)) return [request.hostAddress];
  throw new CooperError(
    "invalid-argument",
    `cannot publish a port on ${request.hostAddress}: the container has no IPv${family} address`,
    family === 6 ? { hint: "cooper network create --ipv6 NAME makes a network with both" } : {},
  );
}

/** Resolves to the first port's number; 0 in the request takes any. */
function holdRange(held: HeldPorts, asked: PublishedPort, context: PublishContext): number {
  const bytes = addressBytes(asked.hostAddress);
  const take = (port: number) => {
    const socket = takePort(asked, bytes, port);
    if (socket.descriptor < 0) return socket.port;
    if (held.descriptors.length < mostHeld) held.descriptors.push(socket.descriptor);
    else closeSync(socket.descriptor);
    return socket.port;
  };
  if (asked.hostPort > 0) {
    refuseHeld(asked, context);
    refuseTwice(held.ports, asked);
  }
  const first = take(asked.hostPort);
  const { hostAddress, containerPort, count, protocol } = asked;
  const port: PublishedPort = { hostAddress, hostPort: first, containerPort, count, protocol };
  if (asked.hostPort === 0) refuseHeld(port, context);
  if (first + count - 1 > 65535)
    throw new CooperError("conflict", `${portText(port)} ends beyond 65535`);
  for (let at = 1; at < count; at++) take(first + at);
  held.ports.push(port);
  return first;
}

/** Containers come first: their sockets are held by conmon, which would say little. */
function refuseHeld(port: PublishedPort, context: PublishContext): void {
  const own = portHolder(context.database, context.containerId, context.seenAs(port));
  if (own !== undefined) throw new PortInUse(port, own, context.nameOf(own));
}

/** Its own ports; the sockets that hold them would not say whose they are. */
function refuseTwice(ports: readonly PublishedPort[], asked: PublishedPort): void {
  const isAny = (address: string) => address === "0.0.0.0" || address === "::";
  const isSame = (one: string, other: string) =>
    one.includes(":") === other.includes(":") && (one === other || isAny(one) || isAny(other));
  const twice = ports.find(
    (port) =>
      port.protocol === asked.protocol &&
      isSame(port.hostAddress, asked.hostAddress) &&
      port.hostPort < asked.hostPort + asked.count &&
      asked.hostPort < port.hostPort + port.count,
  );
  if (twice === undefined) return;
  const what =
    portText(twice) === portText(asked) ? "is published twice" : `is a part of ${portText(twice)}`;
  throw new CooperError("conflict", `${portText(asked)} ${what}`);
}

function takePort(asked: PublishedPort, bytes: Uint8Array, port: number) {
  try {
    return holdPort(asked.protocol, bytes, port);
  } catch (error) {
    const one = { ...asked, hostPort: port, count: 1 };
    switch (errnoName(error)) {
      case "EADDRINUSE":
        return takeSharedPort(one, bytes, error);
      case "EADDRNOTAVAIL":
        throw new CooperError(
          "invalid-argument",
          `cannot publish on ${asked.hostAddress}: it is no address of this host`,
          { cause: error },
        );
      case "EACCES":
        throw new CooperError("permission-denied", `${portText(one)} may not be taken`, {
          hint: `sudo sysctl net.ipv4.ip_unprivileged_port_start=${port}`,
          cause: error,
        });
      default:
        throw error;
    }
  }
}

/** What ended connections have left (TIME_WAIT) or outgoing ones use is no server: it can be shared. */
function takeSharedPort(port: PublishedPort, bytes: Uint8Array, cause: unknown) {
  const { isUsed, owner } =
    port.protocol === "sctp"
      ? { isUsed: true, owner: undefined }
      : findPortOwner(port.protocol, port.hostPort);
  if (!isUsed && port.protocol === "tcp") {
    try {
      return holdPort(port.protocol, bytes, port.hostPort, true);
    } catch {
      // somebody holds it without listening: told below
    }
  }
  const who = owner === undefined ? "" : ` by ${owner.name} (pid ${owner.pid})`;
  throw new CooperError("conflict", `${portText(port)} is already in use${who}`, {
    hint: "publish another port, or stop what uses it",
    cause,
  });
}
