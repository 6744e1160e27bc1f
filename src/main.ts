/** argv → command → exit status. The only place that ends the process. */
import { writeSync } from "node:fs";
import { complain, OutputGone, statusOf } from "./cli/output.ts";
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

/** Tells what went wrong; resolves to the exit status. */
function report(error: unknown): number {
  if (error instanceof OutputGone) return 0;
  complain(error);
  return statusOf(error);
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
