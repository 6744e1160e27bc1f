/** A finding in the one line that an error has for it. */
import type { Finding } from "./evidence.ts";

/** The commands that mend it; else in words what would. Undefined: nothing is known to. */
export function hintOf([finding]: readonly Finding[]): string | undefined {
  if (finding === undefined) return undefined;
  if (finding.cures.length > 0) return finding.cures.join(" && ");
  return finding.advice ?? undefined;
}
