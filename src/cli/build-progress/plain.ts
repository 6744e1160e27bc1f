/** Progress as lines, one step at a time: what others print meanwhile waits for its turn, as BuildKit's users know it. */
import type { Progress, StepKey } from "../../build/progress.ts";
import { printable } from "../printable.ts";
import { StepLog } from "./step-log.ts";

/** How long the lines of a step wait while another one is told (ms). */
const patience = 5000;

interface Told {
  readonly number: number;
  readonly title: string;
  readonly begunAt: number;
  readonly log: StepLog;
  /** Lines that wait for the step's turn. */
  readonly waiting: string[];
  waitingSince: number;
  /** Parts whose state was told, and how. */
  readonly parts: Map<string, { text: string; at: number }>;
  hasEnded: boolean;
}

/** @param write takes whole lines */
export function plainProgress(
  write: (text: string) => void,
  now: () => number = () => performance.now(),
): Progress {
  const steps = new Map<StepKey, Told>();
  const endings: string[] = [];
  let current: Told | undefined;
  let isFirst = true;

  const step = (key: StepKey, title = `${key}`): Told => {
    const known = steps.get(key);
    if (known !== undefined) return known;
    const first = title.split("\n")[0] ?? "";
    const told: Told = {
      number: steps.size + 1,
      title: first,
      begunAt: now(),
      log: new StepLog(first, now()),
      waiting: [],
      waitingSince: 0,
      parts: new Map(),
      hasEnded: false,
    };
    steps.set(key, told);
    return told;
  };
  const flush = (told: Told) => {
    const lines = told.waiting.splice(0).map((line) => `#${told.number} ${line}\n`);
    write(lines.join(""));
  };
  const turnTo = (told: Told) => {
    if (current === told) return;
    if (current !== undefined) write(`#${current.number} ...\n`);
    if (!isFirst) write("\n");
    isFirst = false;
    write(`#${told.number} ${printable(told.title)}\n`);
    current = told;
  };
  const tell = (told: Told, lines: readonly string[]) => {
    if (lines.length === 0) return;
    if (told.waiting.length === 0) told.waitingSince = now();
    told.waiting.push(...lines);
    if (current === undefined || now() - told.waitingSince > patience) turnTo(told);
    if (current === told) flush(told);
  };
  const finish = (key: StepKey, last: string) => {
    const told = step(key);
    told.waiting.push(...told.log.finish(now()), last);
    turnTo(told);
    flush(told);
    current = undefined;
    told.hasEnded = true;
    const open = [...steps.values()].filter(({ hasEnded }) => !hasEnded);
    const next = open
      .filter(({ waiting }) => waiting.length > 0)
      .sort((a, b) => a.waitingSince - b.waitingSince)
      .concat(open)[0];
    if (next === undefined) return;
    turnTo(next);
    flush(next);
  };
  return {
    planned: () => undefined,
    started(key, title) {
      const told = step(key, title);
      if (current === undefined) turnTo(told);
    },
    output: (key, bytes) => {
      const told = step(key);
      tell(told, told.log.push(bytes, now()));
    },
    status(key, part, text) {
      const told = step(key);
      const before = told.parts.get(part);
      const isOften = before !== undefined && /\d \//.test(text) && now() - before.at < patience;
      if (isOften || before?.text === text) return;
      told.parts.set(part, { text, at: now() });
      tell(told, [printable(`${part} ${text}`.trimEnd())]);
    },
    cached(key, title) {
      step(key, title);
      finish(key, "CACHED");
    },
    done(key) {
      const told = step(key);
      finish(key, `DONE ${((now() - told.begunAt) / 1000).toFixed(1)}s`);
    },
    failed(key, title, message) {
      step(key, title);
      finish(key, `ERROR: ${printable(message.split("\n")[0] ?? "")}`);
      endings.push(step(key).log.ending());
    },
    cancelled(key) {
      if (steps.get(key)?.hasEnded === false) finish(key, "CANCELED");
    },
    warned: (message) => write(`Warning: ${printable(message)}\n`),
    note: (message) => write(`Warning: ${printable(message)}\n`),
    end: () => write(endings.splice(0).join("")),
  };
}
