/** Progress of transfers as the JSON that Docker's clients draw. Pure. */
import type { TransferProgress } from "../../image/transfer-progress.ts";
import type { Failure } from "../failure.ts";

type Json = Readonly<Record<string, unknown>>;

/** Layers go by the first twelve digits of their digest. */
const short = (digest: string) => digest.replace(/^sha256:/, "").slice(0, 12);

/** What the client draws for an item of progress; several lines, or none. */
export function progressLines(progress: TransferProgress, verb: "pull" | "push"): Json[] {
  switch (progress.kind) {
    case "layers":
      return progress.layers.map(({ digest }) => ({
        status: verb === "pull" ? "Pulling fs layer" : "Preparing",
        progressDetail: {},
        id: short(digest),
      }));
    case "layer":
      return [
        {
          status: verb === "pull" ? "Downloading" : "Pushing",
          progressDetail: { current: progress.doneBytes, total: progress.totalBytes },
          id: short(progress.digest),
        },
      ];
    case "done": {
      const word = verb === "pull" ? "Pull complete" : "Pushed";
      const isThere = progress.note !== "";
      const status = isThere ? (verb === "pull" ? "Already exists" : "Layer already exists") : word;
      return [{ status, progressDetail: {}, id: short(progress.digest) }];
    }
    case "waiting":
      return [{ status: "Waiting", progressDetail: {}, id: short(progress.digest) }];
    case "retry":
      return [
        { status: `Retrying in ${Math.ceil(progress.inMs / 1000)} seconds: ${progress.why}` },
      ];
    default:
      return [];
  }
}

/** A failure after the status was sent. */
export function failureLine({ message }: Failure): Json {
  return { errorDetail: { message }, error: message };
}
