/** WebSocket (RFC 6455) over a connection that has left HTTP: each message of the client's is some of its input. */
import { createHash } from "node:crypto";
import { CooperError } from "../../errors.ts";
import type { RawStream } from "./reply.ts";
import type { RequestHead } from "./request.ts";

/** RFC 6455, 1.3. */
const acceptSuffix = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** A client may send no larger frame: what it types or pipes comes in many. */
const maxFrameBytes = 1 << 20;

const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** Why a connection is closed (RFC 6455, 7.4.1). */
const closeCodes = { normal: 1000, protocol: 1002, tooBig: 1009 } as const;

/** What answers the client's key. @throws CooperError invalid-argument when it is no handshake */
export function websocketAccept({ headers, upgrades }: RequestHead): string {
  const key = headers.get("sec-websocket-key") ?? "";
  const isOne = upgrades && headers.get("upgrade")?.toLowerCase() === "websocket";
  if (!isOne || Buffer.from(key, "base64").length !== 16)
    throw new CooperError("invalid-argument", "not a websocket handshake");
  if (headers.get("sec-websocket-version") !== "13")
    throw new CooperError("invalid-argument", "unsupported version of websocket: 13 is spoken");
  return createHash("sha1").update(`${key}${acceptSuffix}`).digest("base64");
}

/** A frame of the server's: whole, and without a mask. */
export function websocketFrame(kind: keyof typeof opcodes, payload: Uint8Array): Buffer {
  const { length } = payload;
  const head = Buffer.alloc(length < 126 ? 2 : length < 65_536 ? 4 : 10);
  head[0] = 0x80 | opcodes[kind];
  if (head.length === 2) head[1] = length;
  else if (head.length === 4) {
    head[1] = 126;
    head.writeUInt16BE(length, 2);
  } else {
    head[1] = 127;
    head.writeBigUInt64BE(BigInt(length), 2);
  }
  return Buffer.concat([head, payload]);
}

/** A frame of the client's, unmasked. */
export interface ClientFrame {
  readonly opcode: number;
  readonly payload: Buffer;
}

/** Why no more frames can be read. */
class Broken extends Error {
  readonly code: number;

  constructor(code: number) {
    super(`websocket ${code}`);
    this.code = code;
  }
}

/** Finds frames in bytes as they come. */
export class FrameReader {
  private rest = Buffer.alloc(0);

  /** @throws Broken when a frame is too large, or none that a client may send */
  *push(bytes: Uint8Array): Generator<ClientFrame> {
    this.rest = Buffer.concat([this.rest, bytes]);
    for (let frame = this.next(); frame !== undefined; frame = this.next()) yield frame;
  }

  private next(): ClientFrame | undefined {
    const { rest } = this;
    const [first = 0, second = 0] = rest;
    if (rest.length < 2) return undefined;
    const opcode = first & 0x0f;
    const isControl = opcode >= 8;
    // extensions were not agreed on, and a client's frames are masked (5.1)
    if ((first & 0x70) !== 0 || (second & 0x80) === 0) throw new Broken(closeCodes.protocol);
    if (isControl && ((first & 0x80) === 0 || (second & 0x7f) > 125))
      throw new Broken(closeCodes.protocol);
    const extra = { 126: 2, 127: 8 }[second & 0x7f] ?? 0;
    if (rest.length < 2 + extra) return undefined;
    const length =
      extra === 0
        ? second & 0x7f
        : extra === 2
          ? rest.readUInt16BE(2)
          : Number(rest.readBigUInt64BE(2));
    if (length > maxFrameBytes) throw new Broken(closeCodes.tooBig);
    const start = 2 + extra + 4;
    if (rest.length < start + length) return undefined;
    const payload = Buffer.from(rest.subarray(start, start + length));
    for (let at = 0; at < length; at++)
      payload[at] = (payload[at] ?? 0) ^ (rest[start - 4 + (at & 3)] ?? 0);
    this.rest = rest.subarray(start + length);
    return { opcode, payload };
  }
}

/** The same stream with the messages unwrapped and wrapped. `kind`: of the frames that are sent. */
export class WebSocketStream implements RawStream {
  readonly signal: AbortSignal;
  private readonly raw: RawStream;
  private readonly kind: "text" | "binary";
  private readonly reader = new FrameReader();
  private readonly received: Buffer[] = [];
  private hasEnded = false;

  constructor(raw: RawStream, kind: "text" | "binary") {
    this.raw = raw;
    this.kind = kind;
    this.signal = raw.signal;
  }

  async read(): Promise<Uint8Array | undefined> {
    while (this.received.length === 0 && !this.hasEnded) {
      const bytes = await this.raw.read();
      if (bytes === undefined) this.hasEnded = true;
      else await this.take(bytes);
    }
    return this.received.shift();
  }

  private async take(bytes: Uint8Array): Promise<void> {
    try {
      for (const { opcode, payload } of this.reader.push(bytes)) {
        if (opcode === opcodes.ping) await this.raw.write(websocketFrame("pong", payload));
        else if (opcode === opcodes.close) return await this.close(closeCodes.normal);
        else if (opcode === opcodes.pong) continue;
        else if (opcode > opcodes.binary) throw new Broken(closeCodes.protocol);
        else if (payload.length > 0) this.received.push(payload);
      }
    } catch (error) {
      if (!(error instanceof Broken)) throw error;
      await this.close(error.code);
    }
  }

  write(bytes: Uint8Array): Promise<void> | undefined {
    return this.raw.write(websocketFrame(this.kind, bytes));
  }

  /** Says good-bye, once. */
  async close(code: number = closeCodes.normal): Promise<void> {
    if (this.hasEnded) return;
    this.hasEnded = true;
    const reason = Buffer.alloc(2);
    reason.writeUInt16BE(code);
    await this.raw.write(websocketFrame("close", reason));
  }
}
