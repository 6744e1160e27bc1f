/** Starting this very program again, on the same store. */
import type { Host } from "../host.ts";

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
