/** argv → command → exit status. The only place that ends the process. */
import { versionText } from "./version.ts";

const argv = process.argv.slice(2);
/** Longer than any short command. */
const patienceMs = 150;

// alone it is what scripts ask most, and takes no module: node:fs and the FFI would take a third more
if (argv.length === 1 && (argv[0] === "--version" || argv[0] === "-v"))
  await Bun.write(Bun.stdout, `${versionText}\n`).catch(runToEnd); // which tells why it fails
else await runToEnd();

async function runToEnd(): Promise<void> {
  const { complain, OutputGone, statusOf } = await import("./cli/output.ts");
  const { exitNow } = await import("./system/process.ts");

  /** Tells what went wrong; resolves to the exit status. */
  const report = (error: unknown): number => {
    if (error instanceof OutputGone) return 0;
    complain(error);
    return statusOf(error);
  };
  process.on("SIGPIPE", () => undefined);
  process.on("unhandledRejection", (error) => exitNow(report(error)));
  process.on("uncaughtException", (error) => exitNow(report(error)));
  // the binary is built to compile no JavaScript to machine code; what takes longer gains by it
  setTimeout(() => Bun.unsafe.setJITPolicy(1), patienceMs).unref();

  const progress = { words: argv, global: null, engine: null, isKept: true, isElsewhere: false };
  let status: number;
  try {
    const { runCommandLine } = await import("./cli/run-command-line.ts");
    status = await runCommandLine(argv, progress);
  } catch (error) {
    status =
      error instanceof OutputGone
        ? 0
        : (await import("./cli/failure.ts")).tellFailure(error, progress);
  }
  exitNow(status);
}
