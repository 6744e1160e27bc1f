/** What a step has printed, as lines that may be shown: strangers' bytes, which must not command the terminal. */
import { printable } from "../printable.ts";

/** Longer lines are cut into several: a command may print for ever without ending one. */
const maxLineLength = 16 << 10;

/**
 * Sequences that colour text, move the cursor or name windows (ECMA-48, 5.4 and 5.6); what they would do is
 * lost and what stays is the text. Each begins at an escape and ends before the next one.
 */
const sequences =
  /\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)|[ -/]+[0-~]|[0-OQ-WYZ\\`-~])/g;

/** A line as a terminal would end up showing it: without sequences, what a carriage return goes back over replaced. */
export function shownLine(line: string): string {
  const plain = line.replace(sequences, "");
  const segments = plain.split("\r").filter((segment) => segment !== "");
  return printable(segments.at(-1) ?? "");
}

/** `0.123`, `12.35`, `123.5`: five columns, as BuildKit stamps lines. */
export function stamp(milliseconds: number): string {
  const seconds = Math.max(0, milliseconds) / 1000;
  const digits = seconds < 10 ? 3 : seconds < 100 ? 2 : seconds < 1000 ? 1 : 0;
  return seconds.toFixed(digits);
}

/** Lines of a step, cut out of what it prints; the last ones are kept. */
export class StepLog {
  readonly title: string;
  private readonly begunAt: number;
  private readonly decoder = new TextDecoder();
  private rest = "";
  private readonly kept: string[] = [];
  private keptLength = 0;

  constructor(title: string, begunAt: number) {
    this.title = title;
    this.begunAt = begunAt;
  }

  /** The lines that are whole now, each with its time. */
  push(bytes: Uint8Array, now: number): string[] {
    const lines = (this.rest + this.decoder.decode(bytes, { stream: true })).split("\n");
    this.rest = lines.pop() ?? "";
    while (this.rest.length > maxLineLength) {
      lines.push(this.rest.slice(0, maxLineLength));
      this.rest = this.rest.slice(maxLineLength);
    }
    return lines.map((line) => this.keep(line, now));
  }

  /** The line that never ended, if there is one. */
  finish(now: number): string[] {
    const rest = this.rest + this.decoder.decode();
    this.rest = "";
    return rest === "" ? [] : [this.keep(rest, now)];
  }

  /** The last lines without their times, the unfinished one too. */
  lastLines(count: number): string[] {
    const unfinished = shownLine(this.rest.slice(-maxLineLength));
    const lines = this.kept.slice(-count).map((line) => line.slice(line.indexOf(" ") + 1));
    return unfinished === "" ? lines : [...lines, unfinished].slice(-count);
  }

  /** What is told when the step has failed: its name and its last lines, between rules. */
  ending(): string {
    const lines = this.kept.map((line) => `${line}\n`).join("");
    return `------\n > ${printable(this.title)}:\n${lines}------\n`;
  }

  private keep(line: string, now: number): string {
    const shown = `${stamp(now - this.begunAt)} ${shownLine(line)}`;
    this.kept.push(shown);
    this.keptLength += shown.length;
    while (this.keptLength > maxKept && this.kept.length > 1)
      this.keptLength -= this.kept.shift()?.length ?? 0;
    return shown;
  }
}

/** Of what a step prints so much is remembered for the case that it fails. */
const maxKept = 32 << 10;
