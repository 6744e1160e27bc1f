/** What goes to the user: results on stdout, everything else on stderr. Written at once, with write(2). */
import { CooperError, messageOf } from "../errors.ts";
import { writeAll } from "../system/pipe.ts";

/** Writes to stdout. A reader that has gone is an EPIPE error, which ends the command silently. */
export function print(text: string): void {
  if (text === "") return;
  if (writeAll(1, Buffer.from(text)) === "gone")
    throw Object.assign(new Error("nobody reads the output"), { code: "EPIPE" });
}

/** Writes to stderr; a closed one is no reason to fail. */
export function tell(text: string): void {
  writeAll(2, Buffer.from(text));
}

/** Tells a failure without ending the command. */
export function complain(error: unknown): void {
  const hint =
    error instanceof CooperError && error.hint !== undefined ? `Hint: ${error.hint}\n` : "";
  tell(`Error: ${messageOf(error)}\n${hint}`);
}
