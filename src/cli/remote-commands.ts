/** Commands about engines elsewhere, and about serving them. */
import type { CommandEntry } from "./command.ts";
import { as, entry } from "./command-entry.ts";

const contexts = () => import("./commands/context.ts");
const connections = () => import("./commands/connection.ts");

export const remoteCommands: readonly CommandEntry[] = [
  entry("context create", "", "Give another engine a name", async () =>
    as((await contexts()).create),
  ),
  entry("context export", "", "Write a context to a file", async () =>
    as((await contexts()).exportContext),
  ),
  entry("context import", "", "Read a context from a file", async () =>
    as((await contexts()).importContext),
  ),
  entry("context inspect", "", "Show all that is known of contexts", async () =>
    as((await contexts()).inspect),
  ),
  entry("context ls", "context list", "List contexts", async () => as((await contexts()).ls)),
  entry("context rm", "context remove", "Remove contexts", async () => as((await contexts()).rm)),
  entry("context show", "", "Print the name of the current context", async () =>
    as((await contexts()).show),
  ),
  entry("context update", "", "Change where a context leads", async () =>
    as((await contexts()).update),
  ),
  entry(
    "context use",
    "",
    "Choose the context of docker's client, and of cooper --remote",
    async () => as((await contexts()).use),
  ),
  entry("system connection add", "", "Give another engine a name", async () =>
    as((await connections()).add),
  ),
  entry("system connection default", "", "Choose the connection that --remote asks", async () =>
    as((await connections()).setDefault),
  ),
  entry(
    "system connection ls",
    "system connection list,system connection",
    "List connections",
    async () => as((await connections()).ls),
  ),
  entry(
    "system connection rename",
    "system connection mv",
    "Give a connection another name",
    async () => as((await connections()).rename),
  ),
  entry("system connection rm", "system connection remove", "Remove connections", async () =>
    as((await connections()).rm),
  ),
  entry(
    "system dial-stdio",
    "",
    "Connect standard input and output to the engine's API",
    async () => as((await import("./commands/dial-stdio.ts")).dialStdio),
  ),
  entry("system service", "", "Answer Docker's API and Podman's on a socket", async () =>
    as((await import("./commands/system-service.ts")).service),
  ),
];
