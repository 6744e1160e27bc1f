/**
 * NaCl's secretbox (XSalsa20 with Poly1305), to open alone: cosign's private keys are kept in it, and
 * neither Bun nor OpenSSL has it. For keys, which are short: nothing here is fast.
 */
import { timingSafeEqual } from "node:crypto";

const tagBytes = 16;

/** The contents, or undefined when the key is wrong or the box was altered. `key` has 32 bytes, `nonce` 24. */
export function openSecretBox(
  box: Uint8Array,
  nonce: Uint8Array,
  key: Uint8Array,
): Buffer | undefined {
  if (box.length < tagBytes || nonce.length !== 24 || key.length !== 32) return undefined;
  const subkey = hsalsa20(key, nonce.subarray(0, 16));
  const sealed = box.subarray(tagBytes);
  // the first 32 bytes of the stream are the authenticator's key
  const stream = salsa20(subkey, nonce.subarray(16), 32 + sealed.length);
  const tag = poly1305(sealed, stream.subarray(0, 32));
  if (!timingSafeEqual(tag, box.subarray(0, tagBytes))) return undefined;
  return Buffer.from(sealed.map((byte, at) => byte ^ (stream[32 + at] ?? 0)));
}

/** "expand 32-byte k" */
const constants = [0x61707865, 0x3320646e, 0x79622d32, 0x6b206574] as const;

const word = (bytes: Uint8Array, at: number): number =>
  ((bytes[at] ?? 0) |
    ((bytes[at + 1] ?? 0) << 8) |
    ((bytes[at + 2] ?? 0) << 16) |
    ((bytes[at + 3] ?? 0) << 24)) >>>
  0;

/** The 16 words of the matrix: constants on the diagonal, the key around, the input in the middle. */
function matrix(key: Uint8Array, input: Uint8Array): Uint32Array {
  const k = (index: number) => word(key, 4 * index);
  const n = (index: number) => word(input, 4 * index);
  const [c0, c1, c2, c3] = constants;
  return Uint32Array.of(
    ...[c0, k(0), k(1), k(2), k(3), c1, n(0), n(1), n(2), n(3), c2, k(4), k(5), k(6), k(7), c3],
  );
}

/** Twenty rounds, by columns and by rows in turn (Bernstein, "The Salsa20 family of stream ciphers"). */
function rounds(start: Uint32Array): Uint32Array {
  const x = start.slice();
  const step = (to: number, a: number, b: number, by: number) => {
    const sum = ((x[a] ?? 0) + (x[b] ?? 0)) >>> 0;
    x[to] = (x[to] ?? 0) ^ ((sum << by) | (sum >>> (32 - by)));
  };
  const quarter = (a: number, b: number, c: number, d: number) => {
    step(b, a, d, 7);
    step(c, b, a, 9);
    step(d, c, b, 13);
    step(a, d, c, 18);
  };
  for (let round = 0; round < 20; round += 2) {
    quarter(0, 4, 8, 12);
    quarter(5, 9, 13, 1);
    quarter(10, 14, 2, 6);
    quarter(15, 3, 7, 11);
    quarter(0, 1, 2, 3);
    quarter(5, 6, 7, 4);
    quarter(10, 11, 8, 9);
    quarter(15, 12, 13, 14);
  }
  return x;
}

const bytesOf = (words: readonly number[]): Buffer => {
  const bytes = Buffer.alloc(4 * words.length);
  for (const [index, each] of words.entries()) bytes.writeUInt32LE(each >>> 0, 4 * index);
  return bytes;
};

/** Makes a key for salsa20() of a key and half of the long nonce. */
function hsalsa20(key: Uint8Array, input: Uint8Array): Buffer {
  const x = rounds(matrix(key, input));
  return bytesOf([0, 5, 10, 15, 6, 7, 8, 9].map((index) => x[index] ?? 0));
}

function salsa20(key: Uint8Array, nonce: Uint8Array, length: number): Buffer {
  const blocks: Buffer[] = [];
  for (let count = 0; count * 64 < length; count++) {
    const input = Buffer.alloc(16);
    input.set(nonce, 0);
    input.writeUInt32LE(count, 8);
    const start = matrix(key, input);
    const end = rounds(start);
    blocks.push(bytesOf([...start].map((each, index) => (each + (end[index] ?? 0)) >>> 0)));
  }
  return Buffer.concat(blocks).subarray(0, length);
}

/** RFC 8439, 2.5. */
function poly1305(message: Uint8Array, key: Uint8Array): Buffer {
  const number = (bytes: Uint8Array) =>
    bytes.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  const prime = (1n << 130n) - 5n;
  const r = number(key.subarray(0, 16)) & 0x0ffffffc0ffffffc0ffffffc0fffffffn;
  let sum = 0n;
  for (let at = 0; at < message.length; at += 16) {
    const block = message.subarray(at, at + 16);
    sum = ((sum + number(block) + (1n << BigInt(8 * block.length))) * r) % prime;
  }
  const tag = (sum + number(key.subarray(16, 32))) & ((1n << 128n) - 1n);
  return Buffer.from(tag.toString(16).padStart(32, "0"), "hex").reverse();
}
