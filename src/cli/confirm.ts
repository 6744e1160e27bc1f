/** Asking before something that cannot be undone. */
import { CooperError } from "../errors.ts";
import { tell } from "./output.ts";

/** Asks, and reads a line from standard input; one that ends without an answer is an error, as in podman. */
export async function isConfirmed(what: string): Promise<boolean> {
  tell(`${what}\nAre you sure you want to continue? [y/N] `);
  for await (const line of console) return /^y(es)?$/i.test(line.trim());
  tell("\n");
  throw new CooperError("invalid-argument", "not confirmed: standard input ended", {
    hint: "--force does not ask",
  });
}
