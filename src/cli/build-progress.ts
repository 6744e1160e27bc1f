/** Progress of a build as plain lines on stderr, in the shape that BuildKit's users know. */
import type { Progress } from "../build/progress.ts";
import { tell } from "./output.ts";
import { printable } from "./printable.ts";

const seconds = (milliseconds: number) => (milliseconds / 1000).toFixed(1);

/** A line for each event; what commands print is cut into lines, each with its step and time. */
export function plainProgress(): Progress {
  const numbers = new Map<number, number>();
  const open = new Map<
    number,
    { readonly begunAt: number; rest: string; readonly decoder: TextDecoder }
  >();
  const numberOf = (step: number) => {
    const known = numbers.get(step);
    if (known !== undefined) return known;
    numbers.set(step, numbers.size + 1);
    return numbers.size;
  };
  const line = (step: number, text: string) => tell(`#${numberOf(step)} ${printable(text)}\n`);
  const finish = (step: number) => {
    const state = open.get(step);
    if (state !== undefined && state.rest !== "")
      line(step, `${seconds(performance.now() - state.begunAt)} ${state.rest}`);
    open.delete(step);
  };
  return {
    started(step, title) {
      open.set(step, { begunAt: performance.now(), rest: "", decoder: new TextDecoder() });
      line(step, title.split("\n")[0] ?? "");
    },
    output(step, bytes) {
      const state = open.get(step);
      if (state === undefined) return;
      const lines = (state.rest + state.decoder.decode(bytes, { stream: true })).split("\n");
      state.rest = lines.pop() ?? "";
      for (const text of lines)
        line(step, `${seconds(performance.now() - state.begunAt)} ${text.replace(/\r$/, "")}`);
    },
    cached(step, title) {
      line(step, title.split("\n")[0] ?? "");
      line(step, "CACHED");
    },
    done(step, milliseconds) {
      finish(step);
      line(step, `DONE ${seconds(milliseconds)}s`);
    },
    failed(step, message) {
      finish(step);
      line(step, `ERROR: ${message.split("\n")[0] ?? ""}`);
    },
    warned: (message) => tell(`Warning: ${printable(message)}\n`),
  };
}

/** How much of a failed step's output is told when nothing was told before. */
const keptBytes = 8 << 10;

/** Tells nothing, unless a step fails: then the end of what it printed. */
export function quietProgress(): Progress {
  const kept = new Map<number, Buffer>();
  return {
    started: () => undefined,
    output(step, bytes) {
      const all = Buffer.concat([kept.get(step) ?? Buffer.alloc(0), bytes]);
      kept.set(step, all.subarray(Math.max(0, all.length - keptBytes)));
    },
    cached: () => undefined,
    done: (step) => void kept.delete(step),
    failed(step) {
      const lines = (kept.get(step)?.toString() ?? "").trimEnd().split("\n");
      for (const text of lines.slice(-20)) if (text !== "") tell(`${printable(text)}\n`);
    },
    warned: () => undefined,
  };
}
