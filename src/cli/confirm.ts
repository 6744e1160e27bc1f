/** Asking before something that cannot be undone. */
import { tell } from "./output.ts";

/** Asks on the terminal; without one the answer is yes, since nobody could give it. */
export async function isConfirmed(what: string): Promise<boolean> {
  if (!process.stdin.isTTY) return true;
  tell(`${what}\nAre you sure you want to continue? [y/N] `);
  for await (const line of console) return /^y(es)?$/i.test(line.trim());
  return false;
}
