/** The terminal's part of a session with a container elsewhere: keys, output, size, signals. */
import { constants as os } from "node:os";
import { DetachKeys, defaultDetachKeys, parseDetachKeys } from "../container/detach-keys.ts";
import { notPassed } from "../container/passed-signals.ts";
import { signalName } from "../oci/signals.ts";
import { isTerminal, RawMode, terminalSize } from "../system/terminal.ts";
import type { Hijacked } from "./client.ts";
import { bare, show, unframed } from "./output.ts";

export interface TerminalSession {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly hasTty: boolean;
  readonly detachKeys: string | null;
  /** Tells it the size of our terminal. */
  resize(rows: number, columns: number): Promise<void>;
  /** Passes a signal on; null: they are not passed. */
  readonly signal: ((name: string) => Promise<void>) | null;
}

/** How it ended, as of a session here. */
export type End = "closed" | "detached" | "unread" | "forced";

/** Carries streams until either side has enough. @param onReady is told when signals and sizes are cared for */
export async function carrySession(
  stream: Hijacked,
  options: TerminalSession,
  start: () => Promise<void> = () => Promise.resolve(),
): Promise<End> {
  const { hasTty, stdin } = options;
  const isTyped = hasTty && isTerminal(0);
  const keys = new DetachKeys(
    isTyped ? parseDetachKeys(options.detachKeys ?? defaultDetachKeys) : new Uint8Array(),
  );
  const forced = Promise.withResolvers<End>();
  using _signals = passSignals(options.signal, () => forced.resolve("forced"));
  const output = carryOutput(stream, options);
  output.catch(() => undefined); // awaited below
  await start();
  using _raw = stdin && isTyped ? new RawMode(0) : undefined;
  using _size = hasTty && isTerminal(1) ? followSize(options.resize) : undefined;
  const left = stdin ? carryInput(stream, keys) : new Promise<End>(() => undefined);
  // awaited here: what is held goes back when the session is over
  return await Promise.race([output, left, forced.promise]);
}

async function carryOutput(
  { output }: Hijacked,
  { hasTty, stdout, stderr }: TerminalSession,
): Promise<End> {
  for await (const piece of hasTty ? bare(output) : unframed(output)) {
    const isWanted = piece.stream === "stdout" ? stdout || hasTty : stderr;
    if (isWanted && !show(piece)) return "unread";
  }
  return "closed";
}

/** Resolves when the user leaves; the end of the input is passed on, and then only the other side ends it. */
async function carryInput(stream: Hijacked, keys: DetachKeys): Promise<End> {
  for await (const bytes of Bun.stdin.stream()) {
    const typed = keys.filter(bytes);
    if (typed.bytes.length > 0) await stream.write(typed.bytes);
    if (typed.isComplete) return "detached";
  }
  stream.endInput();
  return new Promise(() => undefined);
}

function followSize(resize: TerminalSession["resize"]): Disposable {
  const update = () => {
    const size = terminalSize(1);
    // a process that ends right now has no terminal any more
    if (size !== undefined) resize(size.rows, size.columns).catch(() => undefined);
  };
  update();
  process.on("SIGWINCH", update);
  return { [Symbol.dispose]: () => void process.off("SIGWINCH", update) };
}

/** As here: asked three times to end, we do, whatever the container does. */
function passSignals(
  send: ((name: string) => Promise<void>) | null,
  onForced: () => void,
): Disposable {
  if (send === null) return { [Symbol.dispose]: () => undefined };
  let requests = 0;
  const handlers = Object.entries(os.signals)
    .filter(([name]) => !notPassed.has(name))
    .map(([name, number]) => {
      const handler = () => {
        if (name === "SIGINT" || name === "SIGTERM") requests++;
        if (requests >= 3) onForced();
        // it may have ended meanwhile
        send(signalName(number)).catch(() => undefined);
      };
      process.on(name, handler);
      return { name, handler };
    });
  return {
    [Symbol.dispose]() {
      for (const { name, handler } of handlers) process.off(name, handler);
    },
  };
}
