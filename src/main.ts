/** argv → command → exit status. The only place that ends the process. */
import { writeSync } from "node:fs";
import { CooperError, errnoName, exitStatus } from "./errors.ts";
import { exitNow } from "./system/process.ts";
import { versionText } from "./version.ts";

async function main(argv: readonly string[]): Promise<number> {
  const [first] = argv;
  if (argv.length === 1 && (first === "--version" || first === "-v")) {
    writeSync(1, `${versionText}\n`);
    return 0;
  }
  const { runCommandLine } = await import("./cli/run-command-line.ts");
  return runCommandLine(argv);
}

/** `Error:` and `Hint:` on stderr; causes and stack only where somebody looks for them. */
function report(error: unknown): number {
  if (errnoName(error) === "EPIPE") return 0; // nobody reads any more, as in `cooper ps | head -1`
  const shown = error instanceof SuppressedError ? error.suppressed : error;
  const message = shown instanceof Error ? shown.message : String(shown);
  const lines = [`Error: ${errnoName(shown) === "ENOSPC" ? `no space left: ${message}` : message}`];
  if (shown instanceof CooperError && shown.hint !== undefined) lines.push(`Hint: ${shown.hint}`);
  if (
    process.argv.some(
      (word, at) =>
        word === "-D" ||
        word === "--debug" ||
        /^--log-level[= ](debug|trace)$/.test(`${process.argv[at - 1]} ${word}`) ||
        word === "--log-level=debug",
    )
  ) {
    for (let cause = shown; cause instanceof Error; cause = cause.cause)
      lines.push(cause.stack ?? "");
  }
  try {
    writeSync(2, `${lines.join("\n")}\n`);
  } catch {
    // stderr is closed: the exit status still tells
  }
  return shown instanceof CooperError ? exitStatus[shown.code] : 125;
}

process.on("SIGPIPE", () => undefined);
process.on("unhandledRejection", (error) => exitNow(report(error)));
process.on("uncaughtException", (error) => exitNow(report(error)));

let status: number;
try {
  status = await main(process.argv.slice(2));
} catch (error) {
  status = report(error);
}
exitNow(status);
