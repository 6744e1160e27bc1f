/**
 * Carries bytes between our own stdin, stdout and stderr and a container, through conmon's attach
 * socket: each packet from it is one byte that names the stream and then up to 8 KiB of output.
 */
import { closeSync } from "node:fs";
import {
  type Interest,
  pollIn,
  pollOut,
  readDescriptor,
  receivePacket,
  sendPacket,
  shutdownWrite,
  waitReady,
  writeDescriptor,
  yieldToEventLoop,
} from "../system/pipe.ts";
import { DetachKeys } from "./detach-keys.ts";

/** Which streams are carried, and how the user may leave. */
export interface AttachOptions {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  /** Whether the container's streams are a terminal, which has one descriptor for both directions. */
  readonly hasTty: boolean;
  /** The bytes that detach; empty: none do. */
  readonly detachKeys: Uint8Array;
  /** pidfd of the container's first process: its end is the end of the session. */
  readonly pidfd: number;
  /** Whether we were asked often enough to end that we do, whatever the container does. */
  isForced?(): boolean;
  /** Whether conmon has written down the exit status, which it does after the last output. */
  hasEnded(): boolean;
}

/**
 * How a session ended: the container's streams closed, the user left, nobody reads our output any more,
 * or the user insisted on the end (see `isForced`).
 */
export type AttachEnd = "closed" | "detached" | "unread" | "forced";

/** Packets of conmon: STDIO_BUF_SIZE and the leading byte. */
const packetSize = 8193;
/** As long as a short command takes on a busy machine. */
const inputHoldMs = 50;
const newline = 0x0a;
const endOfFile = 0x04;
/** conmon takes up to 32 KiB at once and cuts what is longer. */
const inputSize = 8192;
/** Below PIPE_BUF, so that a pipe that polls as writable takes all of it without waiting. */
const outputChunk = 4096;

/**
 * Runs until the container closes its side or the user detaches. It waits in poll(2) on this thread,
 * since Bun cannot wait for packet sockets; signal handlers run between two waits.
 */
export async function carryStreams(socket: number, options: AttachOptions): Promise<AttachEnd> {
  const session = new Session(socket, options);
  try {
    return await session.run();
  } finally {
    closeSync(socket);
  }
}

class Session {
  private readonly socket: number;
  private readonly options: AttachOptions;
  private readonly packet = new Uint8Array(packetSize);
  private readonly input = new Uint8Array(inputSize);
  private readonly keys: DetachKeys;
  /** Output that a slow reader has not taken yet. */
  private pending: { descriptor: number; bytes: Uint8Array } | undefined;
  private unsent: Uint8Array | undefined;
  private readsStdin: boolean;
  private readonly inputFrom = performance.now() + inputHoldMs;
  /** Whether the input so far ends within a line. */
  private isInLine = false;
  private isDying = false;
  private readonly isClosed = new Set<number>();
  private isUnread = false;

  constructor(socket: number, options: AttachOptions) {
    this.socket = socket;
    this.options = options;
    this.keys = new DetachKeys(options.detachKeys);
    this.readsStdin = options.stdin;
  }

  async run(): Promise<AttachEnd> {
    for (let turn = 1; ; turn++) {
      const interests = this.interests();
      // once it has ended conmon only needs a moment to drain the pipes. Before: 250 ms bounds the one
      // race there is, a signal that comes between its handlers' turn and poll(2)
      const ready = waitReady(interests, this.isDying ? 1 : this.holdsInput() ? 5 : 250);
      let isClosed = false;
      let hasDetached = false;
      let isQuiet = true;
      for (const [index, { descriptor }] of interests.entries()) {
        if (!ready[index]) continue;
        isQuiet = false;
        if (descriptor === this.pending?.descriptor) this.flush();
        else if (descriptor === this.socket) isClosed = this.fromSocket(ready[index] ?? 0);
        else if (descriptor === 0) hasDetached = this.fromStdin();
        else this.isDying = true;
      }
      if (this.isUnread) return "unread";
      if (hasDetached) return "detached";
      if (isClosed || (isQuiet && this.isDrained())) return this.isUnread ? "unread" : "closed";
      // now and then also while bytes keep coming, or a signal would never get its turn
      if (isQuiet || turn % 64 === 0) await yieldToEventLoop();
      if (this.options.isForced?.()) return "forced";
    }
  }

  /** conmon sends before it writes the exit status: what is not here by then does not come any more. */
  private isDrained(): boolean {
    if (!this.isDying || this.pending !== undefined || !this.options.hasEnded()) return false;
    return this.fromSocket(0) || this.pending === undefined;
  }

  private interests(): Interest[] {
    const interests: Interest[] = [];
    const socketEvents =
      (this.pending === undefined ? pollIn : 0) | (this.unsent === undefined ? 0 : pollOut);
    if (socketEvents !== 0) interests.push({ descriptor: this.socket, events: socketEvents });
    if (this.pending !== undefined)
      interests.push({ descriptor: this.pending.descriptor, events: pollOut });
    if (!this.isDying) interests.push({ descriptor: this.options.pidfd, events: pollIn });
    if (this.readsStdin && !this.isDying && !this.holdsInput() && this.unsent === undefined)
      interests.push({ descriptor: 0, events: pollIn });
    return interests;
  }

  /**
   * conmon 2.1 drops what a terminal has printed and nobody has read when input comes for a process that
   * has just ended. So a short command gets the time to end before the first key is passed on; no hand
   * is quicker.
   */
  private holdsInput(): boolean {
    return this.options.hasTty && performance.now() < this.inputFrom;
  }

  /** Takes packets until there are none, or the reader of our output is slow. True at the end. */
  private fromSocket(events: number): boolean {
    if (this.unsent !== undefined && events & pollOut) this.send(this.unsent);
    while (this.pending === undefined && !this.isUnread) {
      const size = receivePacket(this.socket, this.packet);
      if (size === undefined) return false;
      if (size === 0) return true;
      const isStderr = this.packet[0] === 3;
      if (isStderr ? !this.options.stderr : !this.options.stdout) continue;
      const descriptor = isStderr ? 2 : 1;
      if (this.isClosed.has(descriptor)) continue;
      this.pending = { descriptor, bytes: this.packet.subarray(1, size) };
      this.flush();
    }
    return false;
  }

  private flush(): void {
    while (this.pending !== undefined) {
      const { descriptor, bytes } = this.pending;
      if (bytes.length === 0) {
        this.pending = undefined;
        return;
      }
      if (!waitReady([{ descriptor, events: pollOut }], 0)[0]) return;
      const written = writeDescriptor(descriptor, bytes.subarray(0, outputChunk));
      if (written === "gone") {
        // as in a shell, where `yes | head -n 1` ends
        this.isUnread = true;
        this.pending = undefined;
        return;
      } else if (written === "closed") {
        this.isClosed.add(descriptor);
        this.pending = undefined;
      } else if (written !== "again") {
        this.pending = { descriptor, bytes: bytes.subarray(written) };
      }
    }
  }

  /** True when the detach keys were typed. */
  private fromStdin(): boolean {
    const size = readDescriptor(0, this.input);
    if (size === "again") return false;
    if (size === 0) {
      this.readsStdin = false;
      this.endInput();
      return false;
    }
    const { bytes, isComplete } = this.keys.filter(this.input.subarray(0, size));
    if (bytes.length > 0) this.send(bytes);
    this.isInLine = bytes.at(-1) !== newline;
    return isComplete;
  }

  /**
   * conmon closes its side of a terminal when the client closes its own, and with it loses what the
   * container still prints. What ends input there is what a user would type (termios(3), VEOF): once, or
   * twice within a line, where the first only hands over what there is of it.
   */
  private endInput(): void {
    if (!this.options.hasTty) shutdownWrite(this.socket);
    else this.send(this.isInLine ? Uint8Array.of(endOfFile, endOfFile) : Uint8Array.of(endOfFile));
  }

  private send(bytes: Uint8Array): void {
    const result = sendPacket(this.socket, bytes);
    this.unsent = result === "full" ? bytes.slice() : undefined;
    if (result === "gone") this.readsStdin = false;
  }
}
