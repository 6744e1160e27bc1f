/** Keeps the size of a container's terminal that of ours, through conmon's control FIFO. */
import { closeSync, constants, openSync, writeSync } from "node:fs";
import { errnoName } from "../errors.ts";
import { terminalSize } from "../system/terminal.ts";

/** Sets the size now, and again at each SIGWINCH until it is disposed. */
export function followSize(ctl: string, terminal: number): Disposable {
  const update = () => {
    const size = terminalSize(terminal);
    if (size !== undefined) resizeTerminal(ctl, size.rows, size.columns);
  };
  update();
  process.on("SIGWINCH", update);
  return {
    [Symbol.dispose]() {
      process.off("SIGWINCH", update);
    },
  };
}

/** conmon reads lines of `1 ROWS COLUMNS` (conmon, ctrl.c: WIN_RESIZE_EVENT). */
export function resizeTerminal(ctl: string, rows: number, columns: number): void {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(ctl, constants.O_WRONLY | constants.O_NONBLOCK);
    writeSync(descriptor, `1 ${rows} ${columns}\n`);
  } catch (error) {
    // conmon has gone, or goes right now: no terminal either
    if (!["ENXIO", "ENOENT", "EPIPE"].includes(errnoName(error) ?? "")) throw error;
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}
