/** Progress that tells nothing, unless a step fails: then what it printed last. */
import type { Progress, StepKey } from "../../build/progress.ts";
import { StepLog } from "./step-log.ts";

/** @param write takes whole lines */
export function quietProgress(write: (text: string) => void): Progress {
  const logs = new Map<StepKey, StepLog>();
  return {
    planned: () => undefined,
    started: (key, title) =>
      void logs.set(key, new StepLog(title.split("\n")[0] ?? "", performance.now())),
    output: (key, bytes) => void logs.get(key)?.push(bytes, performance.now()),
    status: () => undefined,
    cached: () => undefined,
    done: (key) => void logs.delete(key),
    failed(key) {
      const log = logs.get(key);
      if (log === undefined) return;
      log.finish(performance.now());
      write(log.ending());
    },
    cancelled: (key) => void logs.delete(key),
    warned: () => undefined,
    note: () => undefined,
    end: () => undefined,
  };
}
