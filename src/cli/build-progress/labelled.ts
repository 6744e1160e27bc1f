/** Progress of one build among several. */
import type { Progress, StepKey } from "../../build/progress.ts";

/** Its steps have keys of their own, and its name in their titles: `[web build 2/5] RUN make`. */
export function labelled(progress: Progress, name: string): Progress {
  const of = (key: StepKey) => `${name} ${key}`;
  const titled = (title: string) =>
    title.startsWith("[") ? title.replace("[", `[${name} `) : `[${name}] ${title}`;
  return {
    planned: (steps) =>
      progress.planned(
        steps.map((step) => ({
          ...step,
          key: of(step.key),
          title: titled(step.title),
          inputs: step.inputs.map(of),
        })),
      ),
    started: (key, title) => progress.started(of(key), titled(title)),
    output: (key, bytes) => progress.output(of(key), bytes),
    status: (key, part, text) => progress.status(of(key), part, text),
    cached: (key, title) => progress.cached(of(key), titled(title)),
    done: (key) => progress.done(of(key)),
    failed: (key, title, message) => progress.failed(of(key), titled(title), message),
    cancelled: (key) => progress.cancelled(of(key)),
    warned: (message) => progress.warned(`${name}: ${message}`),
    note: (message) => progress.note(message),
    end: () => progress.end(),
  };
}
