/** What a terminal is shown of a build at one moment, as lines. Pure. */
import type { Colors } from "./colors.ts";

export interface StepView {
  readonly title: string;
  readonly begunAt: number;
  /** null: it is at work. */
  readonly endedAt: number | null;
  readonly outcome: "running" | "done" | "cached" | "failed" | "cancelled";
  /** How far its parts are, in the order in which they were begun. */
  readonly parts: readonly (readonly [name: string, text: string])[];
  /** What it printed last; may be more than is shown. */
  readonly lines: readonly string[];
}

export interface BuildView {
  readonly begunAt: number;
  /** All steps that are known. */
  readonly total: number;
  /** Those that have begun, in that order. */
  readonly steps: readonly StepView[];
}

export interface FrameOptions {
  readonly now: number;
  readonly rows: number;
  readonly columns: number;
  /** How many lines of its output a running step is shown with at most. */
  readonly logLines: number;
  readonly colors: Colors;
  /** The last frame of all: every step, as high as it comes. */
  readonly isLast: boolean;
}

/** A line, and how many columns it takes. */
export interface FrameLine {
  readonly text: string;
  readonly width: number;
}

/** Terminals that are narrower than this are shown the header alone. */
const minColumns = 20;
/** Who builds. */
const engine = "cooper";

/** Lines from top to bottom, none wider than the terminal; but for the last frame not more than fit. */
export function frameOf(view: BuildView, options: FrameOptions): FrameLine[] {
  const width = options.columns - 1; // in the last column some terminals wrap at once, others later
  const ended = view.steps.filter(({ endedAt }) => endedAt !== null).length;
  const isDone = options.isLast && ended === view.total && !view.steps.some(isBroken);
  const seconds = ((options.now - view.begunAt) / 1000).toFixed(1);
  const head = `[+] Building ${seconds}s (${ended}/${view.total})${isDone ? " FINISHED" : ""}`;
  const isWide = head.length + engine.length < width;
  const header = line(isWide ? aligned(head, engine, width) : cut(head, Math.max(0, width)), "");
  if (width < minColumns) return [header];
  const room = options.isLast ? Number.POSITIVE_INFINITY : Math.max(0, options.rows - 2);
  const shown = folded(view.steps, room);
  const used = shown.reduce((sum, step) => sum + rowsOf(step), 0);
  const logs = options.isLast ? new Map<StepView, number>() : shares(shown, room - used, options);
  return [
    header,
    ...shown.flatMap((step) => linesOf(step, logs.get(step) ?? 0, width, options)),
  ].slice(0, options.isLast ? undefined : Math.max(1, options.rows - 1));
}

const isBroken = ({ outcome }: StepView) => outcome === "failed" || outcome === "cancelled";

const rowsOf = ({ parts }: StepView) => 1 + parts.length;

/** Those that fit: what has ended goes first, the oldest of it before all. */
function folded(steps: readonly StepView[], room: number): readonly StepView[] {
  let rows = steps.reduce((sum, step) => sum + rowsOf(step), 0);
  const gone = new Set<StepView>();
  const order = [
    ...steps.filter(({ endedAt }) => endedAt !== null),
    ...steps.filter(({ endedAt }) => endedAt === null),
  ];
  for (const step of order) {
    if (rows <= room) break;
    gone.add(step);
    rows -= rowsOf(step);
  }
  return steps.filter((step) => !gone.has(step));
}

/** How many lines of its output each running step gets of the rows that are left. */
function shares(
  steps: readonly StepView[],
  left: number,
  { logLines }: FrameOptions,
): Map<StepView, number> {
  const wanting = steps.filter(({ endedAt, lines }) => endedAt === null && lines.length > 0);
  const counts = new Map<StepView, number>();
  let room = left;
  for (let isMore = true; isMore && room > 0; ) {
    isMore = false;
    for (const step of wanting) {
      const count = counts.get(step) ?? 0;
      if (room === 0 || count >= Math.min(logLines, step.lines.length)) continue;
      counts.set(step, count + 1);
      room--;
      isMore = true;
    }
  }
  return counts;
}

const marks = {
  running: "",
  done: "",
  cached: "CACHED ",
  failed: "ERROR ",
  cancelled: "CANCELED ",
} as const;

function linesOf(
  step: StepView,
  logCount: number,
  width: number,
  { now, colors }: FrameOptions,
): FrameLine[] {
  const color = {
    running: "",
    done: colors.run,
    cached: colors.run,
    failed: colors.error,
    cancelled: colors.cancel,
  }[step.outcome];
  const milliseconds = (step.endedAt ?? now) - step.begunAt;
  const time = `${(milliseconds < 50 ? 0 : milliseconds / 1000).toFixed(1)}s`;
  const printed = logCount === 0 ? [] : step.lines.slice(-logCount);
  return [
    line(aligned(` => ${marks[step.outcome]}${step.title}`, time, width), color),
    ...step.parts.map(([name, text]) => line(aligned(` => => ${name} ${text}`, "", width), color)),
    ...printed.map((text) => line(aligned(` => => # ${text}`, "", width), colors.faint)),
  ];
}

function line(text: string, color: string): FrameLine {
  const width = Bun.stringWidth(text);
  return { text: color === "" ? text : `${color}${text}\x1b[0m`, width };
}

/** The left text cut to what the right one leaves. */
function aligned(left: string, right: string, width: number): string {
  const shown = cut(left.replaceAll("\t", " "), width - (right === "" ? 0 : right.length + 1));
  if (right === "") return shown;
  return `${shown}${" ".repeat(Math.max(1, width - Bun.stringWidth(shown) - right.length))}${right}`;
}

/** So much of a text as fits into the columns. */
function cut(text: string, columns: number): string {
  if (Bun.stringWidth(text) <= columns) return text;
  let shown = "";
  let width = 0;
  for (const char of text) {
    width += Bun.stringWidth(char);
    if (width > columns) break;
    shown += char;
  }
  return shown;
}
