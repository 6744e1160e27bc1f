/** The kernel's table of connections (nf_conntrack), through netlink: forgetting those that lead to an address. */
import { closeSync } from "node:fs";
import { check, libc, SystemCallError } from "./libc.ts";

const { socket, send, recv } = libc({
  socket: { args: ["i32", "i32", "i32"], returns: "i32" },
  send: { args: ["i32", "ptr", "u64", "i32"], returns: "i64" },
  recv: { args: ["i32", "ptr", "u64", "i32"], returns: "i64" },
});

// netlink(7), linux/netfilter/nfnetlink_conntrack.h
const [netlink, raw, netfilter, closeOnExec] = [16, 3, 12, 0o2000000];
const deleteConnections = (1 << 8) | 2;
const [request, acknowledge] = [1, 4];
const attr = {
  tupleOriginal: 1,
  tupleReply: 2,
  filter: 25,
  originalFlags: 1,
  replyFlags: 2,
  tupleIp: 1,
  tupleProtocol: 2,
  ipv4Source: 1,
  ipv4Destination: 2,
  ipv6Source: 3,
  ipv6Destination: 4,
  protocolNumber: 1,
  destinationPort: 3,
} as const;
const nested = 0x8000;
// net/netfilter/nf_internals.h, CTA_FILTER_F_*: which parts of a tuple are compared
const compare = { source: 1, destination: 2, protocol: 8, destinationPort: 32 } as const;
const udp = 17;

function attribute(type: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat([...parts]);
  const bytes = Buffer.alloc((4 + content.length + 3) & ~3);
  bytes.writeUInt16LE(4 + content.length, 0);
  bytes.writeUInt16LE(type, 2);
  content.copy(bytes, 4);
  return bytes;
}

const group = (type: number, ...parts: readonly Buffer[]) => attribute(type | nested, ...parts);

function flags(number: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(number, 0);
  return bytes;
}

/**
 * Forgets every connection that is answered from an address: what comes in next is looked up anew, and not
 * sent to who has had the published port before. In the network namespace we are in; kernels before 5.8
 * cannot choose like this, and forget nothing.
 *
 * @param address 4 or 16 bytes, network order
 */
export function forgetAnswering(address: Uint8Array): void {
  const source = address.length === 4 ? attr.ipv4Source : attr.ipv6Source;
  forget(address.length, [
    group(attr.tupleReply, group(attr.tupleIp, attribute(source, Buffer.from(address)))),
    group(attr.filter, attribute(attr.replyFlags, flags(compare.source))),
  ]);
}

/**
 * Forgets the UDP connections to a port of this host that began before it was published: a client that keeps
 * sending would keep the entry alive that says "not led anywhere".
 */
export function forgetUdpTo(address: Uint8Array, port: number): void {
  const destination = address.length === 4 ? attr.ipv4Destination : attr.ipv6Destination;
  const compared = compare.destination | compare.protocol | compare.destinationPort;
  forget(address.length, [
    group(
      attr.tupleOriginal,
      group(attr.tupleIp, attribute(destination, Buffer.from(address))),
      group(
        attr.tupleProtocol,
        attribute(attr.protocolNumber, Buffer.from([udp])),
        attribute(attr.destinationPort, Buffer.from([port >> 8, port & 255])),
      ),
    ),
    group(attr.filter, attribute(attr.originalFlags, flags(compared))),
  ]);
}

function forget(addressLength: number, attributes: readonly Buffer[]): void {
  // struct nfgenmsg: family, version, resource
  const body = Buffer.concat([Buffer.from([addressLength === 4 ? 2 : 10, 0, 0, 0]), ...attributes]);
  const message = Buffer.alloc(16 + body.length);
  message.writeUInt32LE(message.length, 0);
  message.writeUInt16LE(deleteConnections, 4);
  message.writeUInt16LE(request | acknowledge, 6);
  body.copy(message, 16);
  const descriptor = check(socket(netlink, raw | closeOnExec, netfilter), "netlink socket");
  try {
    check(send(descriptor, message, message.length, 0), "forget connections");
    const answer = Buffer.alloc(256);
    check(recv(descriptor, answer, answer.length, 0), "forget connections");
    const error = -answer.readInt32LE(16);
    const none = 2; // ENOENT
    if (error !== 0 && error !== none) throw new SystemCallError(`E${error}`, "forget connections");
  } finally {
    closeSync(descriptor);
  }
}
