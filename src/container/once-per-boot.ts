/** Notices about the machine, which are true for every container and need not be told with each. */
import type { Host } from "../host.ts";
import { bootId } from "../system/process.ts";

/** Warns, unless this store has been told since the machine was started. */
export function warnOncePerBoot(host: Host, name: string, text: string): void {
  const fact = `notice-${name}`;
  const told = host.database
    .query<{ value: string }, [string]>("select value from fact where name = ?")
    .get(fact)?.value;
  if (told === bootId()) return;
  host.database
    .query("insert or replace into fact (name, value) values (?, ?)")
    .run(fact, bootId());
  host.warn(text);
}
