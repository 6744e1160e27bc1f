/**
 * Protocol Buffers as far as BuildKit's messages need them: by numbers of fields, without generated code.
 * Pure. (protobuf.dev, "Encoding")
 */
import { CooperError } from "../../errors.ts";

/** A field's value; a message is written by encode() first. undefined leaves the field out. */
export type FieldValue = string | Uint8Array | number | bigint | boolean | undefined;

/** Fields by number; a repeated one stands there several times. Zero values are left out, as proto3 has it. */
export function encode(...fields: (readonly [number, FieldValue])[]): Buffer {
  const parts: Uint8Array[] = [];
  for (const [number, value] of fields) {
    if (value === undefined || value === false || value === 0 || value === 0n) continue;
    if (typeof value === "string" || value instanceof Uint8Array) {
      const bytes = typeof value === "string" ? Buffer.from(value) : value;
      parts.push(varint((BigInt(number) << 3n) | 2n), varint(BigInt(bytes.length)), bytes);
    } else {
      parts.push(varint(BigInt(number) << 3n), varint(value === true ? 1n : BigInt(value)));
    }
  }
  return Buffer.concat(parts);
}

/** The entries of a `map<string, string>`. */
export function mapFields(
  number: number,
  map: Readonly<Record<string, string>>,
): (readonly [number, FieldValue])[] {
  return Object.entries(map).map(([key, value]) => [number, encode([1, key], [2, value])]);
}

function varint(value: bigint): Uint8Array {
  const bytes: number[] = [];
  for (let rest = BigInt.asUintN(64, value); ; rest >>= 7n) {
    const low = Number(rest & 0x7fn);
    if (rest < 0x80n) return Uint8Array.from([...bytes, low]);
    bytes.push(low | 0x80);
  }
}

const broken = () =>
  new CooperError("invalid-argument", "malformed message of BuildKit's protocol");

/** A message that was received: fields are asked for by number, and are zero where they are not there. */
export class Message {
  private readonly fields = new Map<number, (bigint | Buffer)[]>();

  /** @throws CooperError invalid-argument */
  constructor(bytes: Buffer) {
    for (let at = 0; at < bytes.length; ) {
      const [tag, start] = readVarint(bytes, at);
      const [number, type] = [Number(tag >> 3n), Number(tag & 7n)];
      let value: bigint | Buffer;
      if (type === 0) [value, at] = readVarint(bytes, start);
      else {
        const [length, from] =
          type === 2 ? readVarint(bytes, start) : [type === 1 ? 8n : type === 5 ? 4n : -1n, start];
        if (length < 0n || length > BigInt(bytes.length - from)) throw broken();
        at = from + Number(length);
        value = bytes.subarray(from, at);
      }
      const before = this.fields.get(number);
      if (before === undefined) this.fields.set(number, [value]);
      else before.push(value);
    }
  }

  /** Each of a repeated field. */
  all(number: number): Buffer[] {
    return (this.fields.get(number) ?? []).filter((value) => typeof value !== "bigint");
  }

  /** The last one, as of several that were sent. */
  bytes(number: number): Buffer {
    return this.all(number).at(-1) ?? Buffer.alloc(0);
  }

  string(number: number): string {
    return this.bytes(number).toString("utf8");
  }

  strings(number: number): string[] {
    return this.all(number).map((value) => value.toString("utf8"));
  }

  /** A whole number with a sign. */
  big(number: number): bigint {
    const value = this.fields.get(number)?.at(-1) ?? 0n;
    if (typeof value !== "bigint") throw broken();
    return BigInt.asIntN(64, value);
  }

  /** @throws CooperError when it is larger than can be counted with here */
  number(number: number): number {
    const found = Number(this.big(number));
    if (!Number.isSafeInteger(found)) throw broken();
    return found;
  }

  boolean(number: number): boolean {
    return this.number(number) !== 0;
  }

  message(number: number): Message | undefined {
    const found = this.all(number).at(-1);
    return found === undefined ? undefined : new Message(found);
  }

  messages(number: number): Message[] {
    return this.all(number).map((value) => new Message(value));
  }

  /** A `map<string, string>`. */
  map(number: number): Record<string, string> {
    return Object.fromEntries(
      this.messages(number).map((entry) => [entry.string(1), entry.string(2)]),
    );
  }
}

function readVarint(bytes: Buffer, start: number): [value: bigint, next: number] {
  let value = 0n;
  for (let at = start; at < start + 10; at++) {
    const byte = bytes[at];
    if (byte === undefined) break;
    value |= BigInt(byte & 0x7f) << BigInt(7 * (at - start));
    if (byte < 0x80) return [BigInt.asUintN(64, value), at + 1];
  }
  throw broken();
}
