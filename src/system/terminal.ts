/** The terminal we were started from: raw mode and size (termios(3), ioctl_tty(2)). */
import { check, libc } from "./libc.ts";
import { readLine } from "./pipe.ts";

/** struct termios of glibc is 60 bytes. */
const termiosSize = 64;

/** Whether the descriptor is a terminal. Not from `node:tty`: loading that module takes over a millisecond. */
export function isTerminal(descriptor: number): boolean {
  const { isatty } = libc({ isatty: { args: ["i32"], returns: "i32" } });
  return isatty(descriptor) === 1;
}

/** Raw mode, until it is disposed: keys go to the container, which does its own echo and Ctrl-C. */
export class RawMode implements Disposable {
  private readonly descriptor: number;
  private saved: Uint8Array | undefined;

  constructor(descriptor: number) {
    this.descriptor = descriptor;
    const { tcgetattr, tcsetattr, cfmakeraw } = termios();
    const saved = new Uint8Array(termiosSize);
    check(tcgetattr(descriptor, saved), "read the terminal's mode");
    const raw = saved.slice();
    cfmakeraw(raw);
    check(tcsetattr(descriptor, 0, raw), "set the terminal's mode");
    this.saved = saved;
  }

  [Symbol.dispose](): void {
    if (this.saved !== undefined) termios().tcsetattr(this.descriptor, 0, this.saved);
    this.saved = undefined;
  }
}

function termios() {
  return libc({
    tcgetattr: { args: ["i32", "ptr"], returns: "i32" },
    tcsetattr: { args: ["i32", "i32", "ptr"], returns: "i32" },
    cfmakeraw: { args: ["ptr"], returns: "void" },
  });
}

export interface TerminalSize {
  readonly rows: number;
  readonly columns: number;
}

/**
 * The size right now (TIOCGWINSZ): what Bun remembers may lag behind a SIGWINCH. Undefined for what is
 * no terminal, or does not know its size.
 */
export function terminalSize(descriptor: number): TerminalSize | undefined {
  const getWindowSize = 0x5413;
  const size = new Uint16Array(4);
  const { ioctl } = libc({ ioctl: { args: ["i32", "u64", "ptr"], returns: "i32" } });
  if (ioctl(descriptor, getWindowSize, size) < 0) return undefined;
  const [rows = 0, columns = 0] = size;
  return rows > 0 && columns > 0 ? { rows, columns } : undefined;
}

/** Reads a line from a terminal without showing it. Ctrl-C gives the terminal back and ends the program. */
export async function readHiddenLine(descriptor: number): Promise<string> {
  const { tcgetattr, tcsetattr } = termios();
  const saved = new Uint8Array(termiosSize);
  check(tcgetattr(descriptor, saved), "read the terminal's mode");
  const hidden = saved.slice();
  const [localFlags, echo] = [12, 0o10]; // struct termios, c_lflag; ECHO
  hidden[localFlags] = (hidden[localFlags] ?? 0) & ~echo;
  const restore = () => void tcsetattr(descriptor, 0, saved);
  const interrupted = () => {
    restore();
    process.removeListener("SIGINT", interrupted);
    process.kill(process.pid, "SIGINT");
  };
  process.on("SIGINT", interrupted);
  check(tcsetattr(descriptor, 0, hidden), "set the terminal's mode");
  try {
    return await readVisibleLine(descriptor);
  } finally {
    restore();
    process.removeListener("SIGINT", interrupted);
  }
}

/** Reads a line, without its end. */
export async function readVisibleLine(descriptor: number): Promise<string> {
  return (await readLine(descriptor)).replace(/\r$/, "");
}
