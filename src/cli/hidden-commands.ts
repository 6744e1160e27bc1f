/** What cooper asks of itself in processes of its own. */
import type { CommandEntry } from "./command.ts";
import { as, entry } from "./command-entry.ts";

/** They are in no help and no completion. */
export const hiddenCommands: readonly CommandEntry[] = [
  entry("__complete", "", "", async () => as((await import("./commands/completion.ts")).complete)),
  entry("__hold", "", "", async () => as((await import("./commands/hold.ts")).hold)),
  entry("__keep-health", "", "", async () => as((await import("./commands/healthcheck.ts")).keep)),
  entry("__place", "", "", async () => as((await import("./commands/place.ts")).place)),
  entry("__sweep", "", "", async () => as((await import("./commands/snapshots.ts")).sweep)),
  entry("__tell-healthy", "", "", async () =>
    as((await import("./commands/healthcheck.ts")).tellHealthy),
  ),
  entry("__thaw", "", "", async () => as((await import("./commands/hold.ts")).thaw)),
  entry("__try", "", "", async () => as((await import("./commands/doctor.ts")).attempt)),
  entry("__unpack", "", "", async () => as((await import("./commands/unpack.ts")).unpack)),
];
