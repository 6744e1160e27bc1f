/** Progress on a terminal: the steps as a list that is drawn over itself. */
import type { Progress, StepKey } from "../../build/progress.ts";
import type { TerminalSize } from "../../system/terminal.ts";
import { printable } from "../printable.ts";
import type { Colors } from "./colors.ts";
import { type BuildView, type FrameLine, frameOf, type StepView } from "./frame.ts";
import { StepLog } from "./step-log.ts";

/** Between two frames (ms). */
const frameInterval = 100;

export interface TtyOptions {
  write(text: string): void;
  /** Asked for each frame, so that a resize needs no signal. */
  size(): TerminalSize;
  readonly colors: Colors;
  readonly logLines: number;
  now(): number;
}

interface Step {
  readonly title: string;
  readonly begunAt: number;
  readonly log: StepLog;
  readonly parts: Map<string, string>;
  endedAt: number | null;
  outcome: StepView["outcome"];
}

/**
 * Draws now and at a bounded rate. A frame is one write that hides the cursor, goes up over the frame
 * before, and shows the cursor again, so that it is never left hidden, whoever ends us.
 */
export function ttyProgress(options: TtyOptions): Progress {
  const { now } = options;
  const begunAt = now();
  const planned = new Set<StepKey>();
  const steps = new Map<StepKey, Step>();
  const warnings: string[] = [];
  const endings: string[] = [];
  let before: readonly FrameLine[] = [];
  let timer: ReturnType<typeof setInterval> | undefined;
  let isOver = false;

  const view = (): BuildView => ({
    begunAt,
    total: planned.size,
    steps: [...steps.values()].map((step) => ({
      ...step,
      parts: [...step.parts],
      lines: step.endedAt === null ? step.log.lastLines(options.logLines) : [],
    })),
  });
  /** @param above lines that stay, above the frame */
  const draw = (isLast: boolean, above = "") => {
    const size = options.size();
    const { colors, logLines } = options;
    const lines = frameOf(view(), { now: now(), ...size, logLines, colors, isLast });
    options.write(frameText(before, lines, size.columns, above));
    before = lines;
  };
  const wake = () => {
    if (timer !== undefined || isOver) return;
    draw(false);
    timer = setInterval(() => draw(false), frameInterval);
    timer.unref();
  };
  const begin = (key: StepKey, title: string): Step => {
    planned.add(key);
    const known = steps.get(key);
    if (known !== undefined) return known;
    const first = printable(title.split("\n")[0] ?? "");
    const log = new StepLog(first, now());
    const step: Step = {
      title: first,
      begunAt: now(),
      log,
      parts: new Map(),
      endedAt: null,
      outcome: "running",
    };
    steps.set(key, step);
    wake();
    return step;
  };
  const finish = (key: StepKey, outcome: StepView["outcome"]) => {
    const step = steps.get(key);
    if (step === undefined || step.endedAt !== null) return;
    step.endedAt = now();
    step.outcome = outcome;
    if (outcome !== "failed") return;
    step.log.finish(now());
    endings.push(step.log.ending());
  };
  return {
    planned: (all) => {
      for (const { key } of all) planned.add(key);
    },
    started: (key, title) => void begin(key, title),
    output: (key, bytes) => void steps.get(key)?.log.push(bytes, now()),
    status: (key, part, text) => void steps.get(key)?.parts.set(printable(part), printable(text)),
    cached(key, title) {
      begin(key, title);
      finish(key, "cached");
    },
    done: (key) => finish(key, "done"),
    failed(key, title) {
      begin(key, title);
      finish(key, "failed");
    },
    cancelled: (key) => finish(key, "cancelled"),
    warned: (message) => void warnings.push(message),
    note(message) {
      const text = `Warning: ${printable(message)}\n`;
      if (isOver) options.write(text);
      else draw(false, text);
    },
    end() {
      if (isOver) return;
      isOver = true;
      clearInterval(timer);
      if (steps.size > 0) draw(true);
      options.write(`${warningsText(warnings, options.colors)}${endings.join("")}`);
    },
  };
}

/** @param above lines that stay, above the frame */
function frameText(
  before: readonly FrameLine[],
  lines: readonly FrameLine[],
  columns: number,
  above: string,
): string {
  // a terminal that became narrower has broken the lines of the frame before
  const up = before.reduce((sum, { width }) => sum + Math.max(1, Math.ceil(width / columns)), 0);
  const back = up === 0 ? "" : `\x1b[${up}A`;
  const body = lines.map(({ text }) => `\x1b[2K${text}\n`).join("");
  const head = above === "" ? "" : `\x1b[J${above}`;
  return `\x1b[?25l\r${back}${head}${body}\x1b[J\x1b[?25h`;
}

function warningsText(warnings: readonly string[], colors: Colors): string {
  if (warnings.length === 0) return "";
  const many = `${warnings.length} warning${warnings.length === 1 ? "" : "s"}`;
  const lines = warnings.map((message) => ` - ${printable(message)}\n`);
  const [on, off] = colors.warning === "" ? ["", ""] : [colors.warning, "\x1b[0m"];
  return `\n${on} ${many} found (see them at their places: cooper build --check):${off}\n${lines.join("")}`;
}
