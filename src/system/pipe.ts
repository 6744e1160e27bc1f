/** Pipes and packet sockets: descriptors that Bun's own streams cannot carry. */
import { closeSync } from "node:fs";
import { check, lastErrno, libc, SystemCallError } from "./libc.ts";

const { pipe2, socket, connect, recv, send, shutdown, read, write } = libc({
  pipe2: { args: ["ptr", "i32"], returns: "i32" },
  socket: { args: ["i32", "i32", "i32"], returns: "i32" },
  connect: { args: ["i32", "ptr", "u32"], returns: "i32" },
  recv: { args: ["i32", "ptr", "u64", "i32"], returns: "i64" },
  send: { args: ["i32", "ptr", "u64", "i32"], returns: "i64" },
  shutdown: { args: ["i32", "i32"], returns: "i32" },
  read: { args: ["i32", "ptr", "u64"], returns: "i64" },
  write: { args: ["i32", "ptr", "u64"], returns: "i64" },
});

const closeOnExec = 0o2000000;

/** A pipe whose ends no child inherits by accident. */
export interface Pipe {
  readonly readEnd: number;
  readonly writeEnd: number;
}

/** Makes a pipe whose ends close on exec (pipe2(2), O_CLOEXEC). */
export function makePipe(): Pipe {
  const ends = new Int32Array(2);
  check(pipe2(ends, closeOnExec), "pipe");
  return { readEnd: ends[0] ?? -1, writeEnd: ends[1] ?? -1 };
}

/**
 * Connects to a unix socket of packets (SOCK_SEQPACKET), which is what conmon attaches by.
 The caller keeps the path short (sun_path: 107 bytes).
 */
export function connectPackets(path: string): number {
  const [unix, seqPacket] = [1, 5];
  const name = Buffer.from(path);
  if (name.length > 107) throw new SystemCallError("ENAMETOOLONG", `connect ${path}`);
  const descriptor = check(socket(unix, seqPacket | closeOnExec, 0), "socket");
  const address = Buffer.alloc(110);
  address.writeUInt16LE(unix, 0);
  name.copy(address, 2);
  if (connect(descriptor, address, 2 + name.length + 1) < 0) {
    const errno = lastErrno();
    closeSync(descriptor);
    throw new SystemCallError(errno, `connect ${path}`);
  }
  return descriptor;
}

/** Receives one packet; 0 is the end. Undefined when there is nothing now. */
export function receivePacket(descriptor: number, buffer: Uint8Array): number | undefined {
  const dontWait = 0x40;
  // a peer that went without reading all that it was sent is told of once, before what it sent itself
  for (let wasReset = false; ; wasReset = true) {
    const size = Number(recv(descriptor, buffer, buffer.length, dontWait));
    if (size >= 0) return size;
    const errno = lastErrno();
    if (errno === "EAGAIN" || errno === "EINTR") return undefined;
    if (errno !== "ECONNRESET") throw new SystemCallError(errno, "receive from the container");
    if (wasReset) return 0;
  }
}

/** Sends one packet; false when the peer takes nothing now, or is gone. */
export function sendPacket(descriptor: number, bytes: Uint8Array): "sent" | "full" | "gone" {
  const [dontWait, noSignal] = [0x40, 0x4000];
  if (Number(send(descriptor, bytes, bytes.length, dontWait | noSignal)) >= 0) return "sent";
  const errno = lastErrno();
  if (errno === "EAGAIN" || errno === "EINTR") return "full";
  if (["EPIPE", "ECONNRESET", "ENOTCONN"].includes(errno)) return "gone";
  throw new SystemCallError(errno, "send to the container");
}

/** Says that nothing more will be sent. */
export function shutdownWrite(descriptor: number): void {
  shutdown(descriptor, 1); // ENOTCONN: the other side has gone, which is as good
}

/** read(2) that waits: the number of bytes, 0 at the end; "again" when interrupted or nothing is there. */
export function readDescriptor(descriptor: number, buffer: Uint8Array): number | "again" {
  const size = Number(read(descriptor, buffer, buffer.length));
  if (size >= 0) return size;
  const errno = lastErrno();
  if (errno === "EAGAIN" || errno === "EINTR") return "again";
  if (errno === "EIO") return 0; // the terminal has hung up
  throw new SystemCallError(errno, "read");
}

/** Why a write(2) took nothing: later perhaps, never again since the reader has left, or not open at all. */
type Refusal = "again" | "gone" | "closed";

/** write(2): how much was taken, or why nothing. */
export function writeDescriptor(descriptor: number, bytes: Uint8Array): number | Refusal {
  if (bytes.length === 0) return 0;
  const size = Number(write(descriptor, bytes, bytes.length));
  if (size >= 0) return size;
  const errno = lastErrno();
  if (errno === "EAGAIN" || errno === "EINTR") return "again";
  if (errno === "EPIPE") return "gone";
  if (errno === "EIO" || errno === "EBADF") return "closed"; // the terminal has hung up; `>&-`
  throw new SystemCallError(errno, "write");
}

/** Writes all of it, waiting where the reader is slow. */
export function writeAll(descriptor: number, bytes: Uint8Array): "written" | "gone" {
  let rest = bytes;
  while (rest.length > 0) {
    const size = writeDescriptor(descriptor, rest);
    if (size === "gone" || size === "closed") return "gone";
    if (size !== "again") rest = rest.subarray(size);
    else waitReady([{ descriptor, events: pollOut }], 1000);
  }
  return "written";
}

export const pollIn = 1;
export const pollOut = 4;
const pollError = 8;
const pollHangup = 16;

const { poll } = libc({ poll: { args: ["ptr", "u64", "i32"], returns: "i32" } });

/** What to wait for; `events` of 0 only tells of errors. */
export interface Interest {
  readonly descriptor: number;
  readonly events: number;
}

/**
 * poll(2) on this thread. Returns, for each interest, which of its events hold (an error or a hang-up
 * counts as all of them); all 0 when the time is over or a signal came: its JavaScript handler runs
 * as soon as the event loop does, so give way to it (`yieldToEventLoop`) between two calls.
 */
export function waitReady(interests: readonly Interest[], timeoutMs: number): number[] {
  const table = new Int32Array(interests.length * 2);
  const shorts = new Int16Array(table.buffer);
  interests.forEach((interest, index) => {
    table[index * 2] = interest.descriptor;
    shorts[index * 4 + 2] = interest.events;
  });
  poll(table, interests.length, timeoutMs);
  return interests.map((interest, index) => {
    const happened = shorts[index * 4 + 3] ?? 0;
    return happened & (pollError | pollHangup) ? interest.events | pollHangup : happened;
  });
}

let waitsInLoop = false;

/** From now on this process waits in the event loop and never blocks: a service does other things meanwhile. */
export function waitInLoop(): void {
  waitsInLoop = true;
}

/**
 * Waits until a descriptor can be read, or has ended; false when the time is over, and for a process that
 * blocks also now and then before, so that signals get their turn. Not for sockets, whose bytes it would take.
 *
 * @param givenUp ends a wait of a process that does not block, as if its time were over
 */
export async function awaitReadable(
  descriptor: number,
  timeoutMs: number,
  givenUp?: Promise<void>,
): Promise<boolean> {
  if (waitsInLoop) return readableInLoop(descriptor, timeoutMs, givenUp);
  const [ready] = waitReady([{ descriptor, events: pollIn }], Math.min(timeoutMs, 100));
  if (!ready) await yieldToEventLoop();
  return Boolean(ready);
}

const { fcntl } = libc({ fcntl: { args: ["i32", "i32", "i32"], returns: "i32" } });

/**
 * The loop watches what it is given as a socket. Once there is something it calls recv(2), which fails on
 * anything that is none (ENOTSOCK), and gives it up: that it does is the answer.
 */
function readableInLoop(
  descriptor: number,
  timeoutMs: number,
  givenUp: Promise<void> | undefined,
): Promise<boolean> {
  const duplicateOnExecClosed = 1030; // F_DUPFD_CLOEXEC
  const copy = check(fcntl(descriptor, duplicateOnExecClosed, 3), "dup");
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const watched = Bun.connect({
    fd: copy,
    socket: { data: () => resolve(true), close: () => resolve(true), error: () => resolve(true) },
  } as never) as Promise<{ terminate(): void }>;
  // epoll(7) refuses what is always ready, such as /dev/null; the copy is closed by then
  watched.catch(() => resolve(true));
  const giveUp = () => {
    resolve(false);
    watched.then((socket) => socket.terminate()).catch(() => undefined); // told above
  };
  const timer = setTimeout(giveUp, Math.min(timeoutMs, 2 ** 30));
  void givenUp?.then(giveUp);
  return promise.finally(() => clearTimeout(timer));
}

/** Lets signal handlers, timers and promises run. */
export function yieldToEventLoop(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/**
 * Reads one line (to the first newline, or the end) from a pipe.
 *
 * @param meanwhile work of ours that is to go on: as long as it does, the event loop gets its turn often
 */
export async function readLine(descriptor: number, meanwhile?: Promise<unknown>): Promise<string> {
  let text = "";
  let patienceMs = meanwhile === undefined ? 100 : 1;
  const isDone = () => {
    patienceMs = 100;
  };
  meanwhile?.then(isDone, isDone);
  const buffer = new Uint8Array(16384);
  for (;;) {
    if (!(await awaitReadable(descriptor, patienceMs))) continue;
    const size = readDescriptor(descriptor, buffer);
    if (size === "again") continue;
    text += Buffer.from(buffer.subarray(0, size)).toString();
    if (size === 0 || text.includes("\n")) return text.split("\n", 1)[0] ?? "";
  }
}
