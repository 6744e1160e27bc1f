/** Starting this very program again, on the same store. */
import { openSync } from "node:fs";
import type { Host } from "./host.ts";
import { ownVariables } from "./runtime/monitor.ts";
import { needProgram } from "./system/program.ts";
import { callerEnvironment } from "./system/userns.ts";

/** The words that do it: whoever runs them need not know where we are or what we were told. */
export function ownCommand({ paths, forwardedArgs }: Host, ...words: string[]): string[] {
  return [
    process.execPath,
    "--root",
    paths.root,
    "--runroot",
    paths.run,
    ...forwardedArgs,
    ...words,
  ];
}

/**
 * Starts it in a session of its own, without a word and without waiting for it.
 *
 * @param env what it is told beyond what every process of ours needs
 */
export function startDetached(
  host: Host,
  env: Readonly<Record<string, string>>,
  ...words: string[]
): void {
  const nowhere = openSync("/dev/null", "r+");
  const child = Bun.spawn([needProgram("setsid"), ...ownCommand(host, ...words)], {
    cwd: "/",
    env: { ...ownVariables(), ...callerEnvironment(), ...env },
    stdio: [nowhere, nowhere, nowhere],
  });
  child.unref();
}
