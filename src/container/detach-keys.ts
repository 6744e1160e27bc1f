/** The keys that leave a container running and give the terminal back (`--detach-keys`). */
import { CooperError } from "../errors.ts";

/** Docker's and Podman's default. */
export const defaultDetachKeys = "ctrl-p,ctrl-q";

/** `ctrl-p,ctrl-q` or `a,b`: single characters and ctrl- with a letter or one of @ ^ [ \ ] _. Empty: none. */
export function parseDetachKeys(text: string): Uint8Array {
  if (text === "") return new Uint8Array();
  const bytes = text.split(",").map((key) => {
    const control = /^ctrl-([a-z@^[\\\]_])$/i.exec(key)?.[1];
    if (control !== undefined) return control.toUpperCase().charCodeAt(0) & 0x1f;
    if (/^[\x20-\x7e]$/.test(key)) return key.charCodeAt(0);
    throw new CooperError("invalid-argument", `invalid detach keys "${text}": "${key}" is no key`, {
      hint: "write single characters or ctrl-LETTER, separated by commas: ctrl-p,ctrl-q",
    });
  });
  return Uint8Array.from(bytes);
}

/** Looks for the keys in a stream; the beginning of a sequence is held back until it is decided. */
export class DetachKeys {
  private readonly keys: Uint8Array;
  private matched = 0;

  constructor(keys: Uint8Array) {
    this.keys = keys;
  }

  /** Returns what goes to the container, and whether the sequence is complete. */
  filter(input: Uint8Array): { bytes: Uint8Array; isComplete: boolean } {
    if (this.keys.length === 0) return { bytes: input, isComplete: false };
    const output: number[] = [];
    for (const byte of input) {
      if (byte === this.keys[this.matched]) {
        this.matched++;
        if (this.matched === this.keys.length)
          return { bytes: Uint8Array.from(output), isComplete: true };
        continue;
      }
      output.push(...this.keys.subarray(0, this.matched));
      this.matched = 0;
      if (byte === this.keys[0]) this.matched = 1;
      else output.push(byte);
    }
    return { bytes: Uint8Array.from(output), isComplete: false };
  }
}
