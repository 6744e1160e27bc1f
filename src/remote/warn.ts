/** What an engine elsewhere warns of. */
import { writeAll } from "../system/pipe.ts";

/** Control characters of a stranger must not command the terminal. */
export function warn(message: string): void {
  const text = message.replace(/[\x00-\x1f\x7f-\x9f]/g, " ");
  writeAll(2, Buffer.from(`Warning: ${text}\n`));
}
