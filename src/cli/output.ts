/** What goes to the user: results on stdout, everything else on stderr. Written at once, with write(2). */
import { CooperError, errnoName, exitStatus, messageOf } from "../errors.ts";
import { writeAll } from "../system/pipe.ts";
import { printable } from "./printable.ts";

/** Nobody reads our stdout any more, as in `cooper ps | head -1`: ends the command silently. */
export class OutputGone extends Error {
  override readonly name = "OutputGone";
}

/** Writes to stdout. */
export function print(text: string): void {
  if (text === "") return;
  if (writeAll(1, Buffer.from(text)) === "gone") throw new OutputGone("nobody reads the output");
}

/** Writes bytes to stdout. */
export function printBytes(bytes: Uint8Array): void {
  if (writeAll(1, bytes) === "gone") throw new OutputGone("nobody reads the output");
}

/** Writes to stderr; a closed one is no reason to fail. */
export function tell(text: string): void {
  writeAll(2, Buffer.from(text));
}

let showsCauses = false;

/** From now on complain() tells causes and stacks too: `--log-level debug`. */
export function showCauses(): void {
  showsCauses = true;
}

/** Tells a failure without ending the command. */
export function complain(error: unknown): void {
  const shown = original(error);
  const full = errnoName(shown) === "ENOSPC" ? "no space left: " : "";
  const lines = [`Error: ${full}${messageOf(shown)}`];
  if (shown instanceof CooperError && shown.hint !== undefined) lines.push(`Hint: ${shown.hint}`);
  if (showsCauses) {
    for (let cause = shown; cause instanceof Error; cause = cause.cause)
      lines.push(cause.stack ?? messageOf(cause));
  }
  // names, and what helpers and registries say, are data: they must not command the terminal
  const text = lines.flatMap((line) => line.split("\n")).map((line) => printable(line));
  tell(`${text.join("\n")}\n`);
}

/** The exit status that a failure leads to. */
export function statusOf(error: unknown): number {
  const shown = original(error);
  return shown instanceof CooperError ? exitStatus[shown.code] : 125;
}

/** What failed first, where giving back failed too. */
export function original(error: unknown): unknown {
  return error instanceof SuppressedError ? original(error.suppressed) : error;
}
