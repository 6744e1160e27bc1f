/** Signals by name and number (signal(7), Linux on x86-64 and arm64). */
import { CooperError } from "../errors.ts";

const names = (
  "HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP TTIN TTOU URG XCPU " +
  "XFSZ VTALRM PROF WINCH IO PWR SYS"
).split(" ");

/** Other names of the same signals. */
const aliases: Readonly<Record<string, string>> = { IOT: "ABRT", CLD: "CHLD", POLL: "IO" };

/** Glibc keeps the first two real-time signals (32 and 33) to itself. */
const [realTimeMin, realTimeMax] = [34, 64];

/** `SIGTERM`, `term`, `15`, `RTMIN+3`, `SIGRTMAX-1`. */
export function parseSignal(text: string): number {
  const number = /^\d+$/.test(text)
    ? Number(text)
    : numberOf(text.toUpperCase().replace(/^SIG/, ""));
  if (number === undefined || number < 1 || number > realTimeMax) {
    throw new CooperError("invalid-argument", `invalid signal "${text}"`, {
      hint: "name one such as SIGTERM, or a number from 1 to 64",
    });
  }
  return number;
}

function numberOf(name: string): number | undefined {
  const position = names.indexOf(aliases[name] ?? name);
  if (position >= 0) return position + 1;
  const realTime = /^RT(MIN|MAX)(?:([+-])(\d{1,2}))?$/.exec(name);
  if (realTime === null) return undefined;
  const base = realTime[1] === "MIN" ? realTimeMin : realTimeMax;
  const number = base + (realTime[2] === "-" ? -1 : 1) * Number(realTime[3] ?? 0);
  return number >= realTimeMin ? number : undefined;
}

/** `SIGTERM`; real-time signals as `SIGRTMIN+n`. */
export function signalName(number: number): string {
  const name = names[number - 1];
  if (name !== undefined) return `SIG${name}`;
  return number === realTimeMin ? "SIGRTMIN" : `SIGRTMIN+${number - realTimeMin}`;
}
