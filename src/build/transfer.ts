/** Pulls and pushes as parts of what a build tells. */
import type { TransferProgress } from "../image/transfer-progress.ts";
import type { Progress, StepKey } from "./progress.ts";

const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(2)}MB`;

/** Tells of a layer on its way, under the step that it belongs to. */
export function tellTransfer(progress: Progress, key: StepKey, event: TransferProgress): void {
  switch (event.kind) {
    case "layer": {
      const { digest, doneBytes, totalBytes } = event;
      return progress.status(key, digest, `${megabytes(doneBytes)} / ${megabytes(totalBytes)}`);
    }
    case "done":
      return progress.status(key, event.digest, event.note === "" ? "done" : event.note);
    case "waiting":
      return progress.status(key, event.digest, "is pulled by another process");
    case "retry":
      return progress.note(`trying again in ${(event.inMs / 1000).toFixed(1)} s: ${event.why}`);
    case "begin":
    case "layers":
    case "end":
      return;
  }
}
