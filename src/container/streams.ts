/** A container's streams for somebody who is not at our terminal: carried by the event loop, any number at once. */

import { closeSync } from "node:fs";
import type { Socket } from "bun";
import { awaitReadable, connectPackets } from "../system/pipe.ts";
import { pidfdOrEnded } from "../system/process.ts";

export type OutputStream = "stdout" | "stderr";

/** Takes output; what it returns holds the container's next output back until it resolves. */
export type OutputSink = (stream: OutputStream, bytes: Uint8Array) => Promise<void> | undefined;

export interface StreamSource {
  /** conmon's socket. */
  readonly attachSocket: string;
  readonly hasTty: boolean;
  /** Whether conmon has written down the exit status, which it does after the last output. */
  hasEnded(): boolean;
}

/** conmon takes up to 32 KiB at once and cuts what is longer. */
const inputSize = 8192;
/** As long as a short command takes on a busy machine; see Session.holdsInput() of attach-streams.ts. */
const inputHoldMs = 50;
const endOfFile = 0x04;
const newline = 0x0a;

type Peer = Socket<undefined>;

/** Connected streams. Disposing leaves them; the container goes on. */
export class Streams implements Disposable {
  /** Resolves when the container has written all that it ever will, or the streams were left. */
  readonly ended: Promise<void>;
  private readonly source: StreamSource;
  private readonly sink: OutputSink;
  private readonly end: () => void;
  private socket: Peer | undefined;
  private readonly connectedAt = performance.now();
  private onDrain: (() => void) | undefined;
  private tail: Promise<void> | undefined;
  private packets = 0;
  private isInLine = false;
  private isOver = false;

  private constructor(source: StreamSource, sink: OutputSink) {
    this.source = source;
    this.sink = sink;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.ended = promise;
    this.end = () => {
      this.isOver = true;
      this.onDrain?.();
      resolve();
    };
  }

  static async open(source: StreamSource, sink: OutputSink): Promise<Streams> {
    const streams = new Streams(source, sink);
    // of packets, so that each piece of data is just one of them
    const descriptor = connectPackets(source.attachSocket);
    streams.socket = (await Bun.connect({
      fd: descriptor,
      allowHalfOpen: true,
      socket: {
        data: (_: Peer, packet: Buffer) => streams.take(packet),
        drain: () => streams.onDrain?.(),
        end: () => void streams.finish(),
        close: () => void streams.finish(),
        error: () => void streams.finish(),
      },
    } as never)) as Peer;
    return streams;
  }

  /** Watches for the end of its process: conmon does not always close the streams then. */
  async watch(pid: number): Promise<void> {
    const pidfd = pidfdOrEnded(pid);
    try {
      while (!this.isOver && !(await awaitReadable(pidfd, 60_000, this.ended)));
    } finally {
      closeSync(pidfd);
    }
    while (!this.isOver && !this.source.hasEnded()) await Bun.sleep(1);
    // sent before the status was written, so it is in the socket: until a turn brings nothing more
    for (let seen = -1; !this.isOver && seen !== this.packets; ) {
      seen = this.packets;
      await this.tail;
      await Bun.sleep(1);
    }
    await this.finish();
  }

  private async finish(): Promise<void> {
    await this.tail;
    this.end();
    this.socket?.terminate();
  }

  private take(packet: Buffer): void {
    this.packets++;
    const stream = packet[0] === 3 ? "stderr" : "stdout";
    const bytes = packet.subarray(1);
    if (this.tail === undefined) {
      const taken = this.sink(stream, bytes);
      if (taken !== undefined) this.hold(taken);
      return;
    }
    this.hold(this.tail.then(() => this.sink(stream, bytes)));
  }

  /** The reader is slow: so is the container, from here on. */
  private hold(taken: Promise<void>): void {
    this.socket?.pause();
    const tail: Promise<void> = taken.then(
      () => this.release(tail),
      () => this.release(tail),
    );
    this.tail = tail;
  }

  private release(tail: Promise<void>): void {
    if (this.tail !== tail) return;
    this.tail = undefined;
    this.socket?.resume();
  }

  /** Resolves when conmon has taken it. */
  async write(bytes: Uint8Array): Promise<void> {
    const heldFor = inputHoldMs - (performance.now() - this.connectedAt);
    if (this.source.hasTty && heldFor > 0) await Bun.sleep(heldFor);
    this.isInLine = bytes.length > 0 ? bytes.at(-1) !== newline : this.isInLine;
    for (let at = 0; at < bytes.length && !this.isOver; ) {
      const part = bytes.subarray(at, at + inputSize);
      const sent = this.socket?.write(part) ?? -1;
      if (sent < 0) return;
      if (sent > 0) at += sent;
      else await this.drained();
    }
  }

  private drained(): Promise<void> {
    return new Promise((resolve) => {
      this.onDrain = () => {
        this.onDrain = undefined;
        resolve();
      };
    });
  }

  /** As Session.endInput() of attach-streams.ts: a terminal is told by what a user would type. */
  async endInput(): Promise<void> {
    if (this.isOver) return;
    if (!this.source.hasTty) this.socket?.shutdown();
    else
      await this.write(
        this.isInLine ? Uint8Array.of(endOfFile, endOfFile) : Uint8Array.of(endOfFile),
      );
  }

  [Symbol.dispose](): void {
    this.end();
    this.socket?.terminate();
  }
}
