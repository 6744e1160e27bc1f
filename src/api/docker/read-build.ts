/** Progress of a build, to other Coopers and from them, and out of the classic builder's lines. Pure. */
import type { Progress, StepKey } from "../../build/progress.ts";
import { type Json, list, objects, text } from "./reading.ts";

/** A progress that tells each thing as a value that parseOwnProgress() reads. */
export function ownProgress(
  tell: (line: Json) => void,
  room: () => Promise<void> | undefined,
): Progress {
  const send = (kind: string, value: Json) => tell({ Cooper: { kind, ...value } });
  return {
    planned: (steps) => send("planned", { steps }),
    started: (key, title) => send("started", { key, title }),
    output(key, bytes) {
      send("output", { key, bytes: Buffer.from(bytes).toString("base64") });
      return room();
    },
    status: (key, part, words) => send("status", { key, part, words }),
    cached: (key, title) => send("cached", { key, title }),
    done: (key) => send("done", { key }),
    failed: (key, title, message) => send("failed", { key, title, message }),
    cancelled: (key) => send("cancelled", { key }),
    warned: (message) => send("warned", { message }),
    note: (message) => send("note", { message }),
    end: () => undefined, // the end of the answer is that
  };
}

const keyOf = (value: unknown): StepKey => (typeof value === "number" ? value : text(value));

/** Tells it on. */
export function parseOwnProgress(own: Json, progress: Progress): void | Promise<void> {
  const key = keyOf(own.key);
  switch (own.kind) {
    case "planned":
      return progress.planned(
        objects(own.steps).map((step) => ({
          key: keyOf(step.key),
          title: text(step.title),
          inputs: list(step.inputs).map(keyOf),
          facts: text(step.facts),
        })),
      );
    case "started":
      return progress.started(key, text(own.title));
    case "output":
      return progress.output(key, Buffer.from(text(own.bytes), "base64"));
    case "status":
      return progress.status(key, text(own.part), text(own.words));
    case "cached":
      return progress.cached(key, text(own.title));
    case "done":
      return progress.done(key);
    case "failed":
      return progress.failed(key, text(own.title), text(own.message));
    case "cancelled":
      return progress.cancelled(key);
    case "warned":
      return progress.warned(text(own.message));
    case "note":
      return progress.note(text(own.message));
  }
}

/** What a line of the classic builder is. */
export type BuildLine =
  | { readonly kind: "step"; readonly number: number; readonly title: string }
  | { readonly kind: "cached" | "other" }
  | { readonly kind: "output"; readonly text: string };

/** A line of what it prints. */
export function readStep(line: string): BuildLine {
  const step = /^(?:Step|STEP) (\d+)\/\d+\s*: (.*)\n?$/.exec(line);
  if (step !== null) return { kind: "step", number: Number(step[1]), title: step[2] ?? "" };
  if (/^ ---> Using cache|^--> Using cache/.test(line)) return { kind: "cached" };
  if (/^ ---> |^--> |^Removing intermediate|^Successfully |^COMMIT |^\s*$/.test(line))
    return { kind: "other" };
  return { kind: "output", text: line };
}
