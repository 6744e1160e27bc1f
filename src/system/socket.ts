/** Sockets that only hold a port of the host, so that nobody else takes it (bind(2)). */
import { closeSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { check, lastErrno, libc, SystemCallError } from "./libc.ts";

const { socket, bind, listen, setsockopt, getsockname } = libc({
  socket: { args: ["i32", "i32", "i32"], returns: "i32" },
  bind: { args: ["i32", "ptr", "u32"], returns: "i32" },
  listen: { args: ["i32", "i32"], returns: "i32" },
  setsockopt: { args: ["i32", "i32", "i32", "ptr", "u32"], returns: "i32" },
  getsockname: { args: ["i32", "ptr", "ptr"], returns: "i32" },
});

// socket.h, in.h
const [inet, inet6] = [2, 10];
const closeOnExec = 0o2000000;
const kinds = { tcp: [1, 6], udp: [2, 17], sctp: [1, 132] } as const;
const [ipv6Level, v6Only] = [41, 26];
const [socketLevel, reuseAddress] = [1, 2];

/** A port that is held as long as the descriptor is open, here or in a process that has inherited it. */
export interface HeldPort {
  /** -1: the kernel does not know the protocol, so nobody can take it either. */
  readonly descriptor: number;
  readonly port: number;
}

/**
 * Takes a port of an address of this host; 0 takes any free one. A TCP socket does not listen, so what
 * is not led to a container is refused rather than left waiting.
 *
 * @param address 4 or 16 bytes, network order
 * @throws SystemCallError EADDRINUSE, EACCES, EADDRNOTAVAIL
 */
export function holdPort(
  protocol: keyof typeof kinds,
  address: Uint8Array,
  port: number,
  mayShare = false,
): HeldPort {
  const [kind, number] = kinds[protocol];
  const family = address.length === 4 ? inet : inet6;
  const descriptor = socket(family, kind | closeOnExec, number);
  if (descriptor < 0) {
    const errno = lastErrno();
    if (["EPROTONOSUPPORT", "ESOCKTNOSUPPORT", "EAFNOSUPPORT"].includes(errno))
      return { descriptor: -1, port: port === 0 ? anyPort() : port };
    throw new SystemCallError(errno, "socket");
  }
  try {
    const on = Int32Array.of(1);
    if (family === inet6) check(setsockopt(descriptor, ipv6Level, v6Only, on, 4), "v6only");
    if (mayShare) check(setsockopt(descriptor, socketLevel, reuseAddress, on, 4), "reuse");
    const name = socketName(family, address, port);
    check(bind(descriptor, name, name.length), `bind port ${port}`);
    if (mayShare && protocol === "tcp") check(listen(descriptor, 0), `hold port ${port}`);
    const size = Uint32Array.of(name.length);
    check(getsockname(descriptor, name, size), "getsockname");
    return { descriptor, port: name.readUInt16BE(2) };
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
}

/** Where the kernel cannot choose one: out of the range from which it does (ip(7), ip_local_port_range). */
function anyPort(): number {
  const [first, last] = [32768, 60999];
  return first + Math.floor(Math.random() * (last - first + 1));
}

/** struct sockaddr_in (ip(7)) or sockaddr_in6 (ipv6(7)). */
function socketName(family: number, address: Uint8Array, port: number): Buffer {
  const name = Buffer.alloc(family === inet ? 16 : 28);
  name.writeUInt16LE(family, 0);
  name.writeUInt16BE(port, 2);
  name.set(address, family === inet ? 4 : 8);
  return name;
}

/** A process that has a socket on a port. */
export interface PortOwner {
  readonly pid: number;
  readonly name: string;
}

/**
 * Whether some socket listens on (TCP) or is bound to (UDP) the port, and whose it is, where we may see
 * that. Reads tables of the kernel that grow with use: only for the words of an error.
 */
export function findPortOwner(
  protocol: keyof typeof kinds,
  port: number,
): { readonly isUsed: boolean; readonly owner: PortOwner | undefined } {
  // the port of one family may be held by ourselves already, while the other's is asked for
  const own = socketsOf("self");
  const inodes = [`/proc/net/${protocol}`, `/proc/net/${protocol}6`]
    .flatMap((file) => inodesOf(readOr(file), port, protocol === "tcp" ? "0A" : "07"))
    .filter((inode) => !own.includes(inode));
  return { isUsed: inodes.length > 0, owner: ownerOf(new Set(inodes)) };
}

/** proc(5), /proc/net/tcp: local address and port in hex, state (0A listens), … inode. */
function inodesOf(text: string, port: number, state: string): string[] {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  return text.split("\n").flatMap((line) => {
    const fields = line.trim().split(/\s+/);
    return fields[1]?.endsWith(suffix) && fields[3] === state && fields[9] !== undefined
      ? [fields[9]]
      : [];
  });
}

function ownerOf(inodes: ReadonlySet<string>): PortOwner | undefined {
  if (inodes.size === 0) return undefined;
  for (const pid of readdirSync("/proc")) {
    if (!/^\d+$/.test(pid)) continue;
    if (socketsOf(pid).some((inode) => inodes.has(inode)))
      return { pid: Number(pid), name: readOr(`/proc/${pid}/comm`).trim() };
  }
  return undefined;
}

/** Inodes of the sockets that a process has open, where we may see that. */
function socketsOf(pid: string): string[] {
  return listOr(`/proc/${pid}/fd`).flatMap((descriptor) => {
    const inode = /^socket:\[(\d+)\]$/.exec(linkOr(`/proc/${pid}/fd/${descriptor}`))?.[1];
    return inode === undefined ? [] : [inode];
  });
}

function readOr(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return ""; // ended, not ours to look at, or not known to this kernel
  }
}

function listOr(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return []; // ended, or not ours to look at
  }
}

function linkOr(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return ""; // closed meanwhile
  }
}
