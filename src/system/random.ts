/**
 * Random bytes for ids and names. Not from `node:crypto`: loading that module takes 2 ms, a tenth of what
 * a `run` takes beyond the OCI runtime.
 */

/** Bytes that nobody can guess. */
export function randomBytes(count: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(count));
}

/** As randomBytes(), in hex: two characters for each. */
export function randomHex(bytes: number): string {
  return Buffer.from(randomBytes(bytes).buffer).toString("hex");
}

/** A number from 0 up to, and without, `end`, which is at most 2³². Fair enough for names. */
export function randomBelow(end: number): number {
  const [number = 0] = crypto.getRandomValues(new Uint32Array(1));
  return number % end;
}
