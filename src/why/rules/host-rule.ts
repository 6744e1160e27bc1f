/** What a rule on machines is. */
import type { HostCheck, HostFacts } from "../host-facts.ts";

/** What is to be said of one thing; null: it does not count for this user. */
export type HostRule = (facts: HostFacts) => HostCheck | null;

/** Nothing is wrong with it. */
export const ok = (id: string, found: string): HostCheck => check(id, "ok", found);

/** Something is wrong, or may be. */
export function check(
  id: string,
  status: HostCheck["status"],
  found: string,
  cures: readonly string[] = [],
  advice: string | null = null,
): HostCheck {
  return { id, status, found, cures, advice };
}

/** The command that installs packages. */
export const install = (...packages: string[]) => `sudo apt-get install -y ${packages.join(" ")}`;
