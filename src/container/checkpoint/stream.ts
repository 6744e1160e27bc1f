/** A checkpoint as a stream, for who has no file here. */
import { createReadStream } from "node:fs";
import type { Host } from "../../host.ts";
import { openStage } from "../../image/stage.ts";
import { type CheckpointOptions, checkpointContainer, type ExportOptions } from "./checkpoint.ts";

/** As of a checkpoint that goes to a file, without one. */
export interface StreamedCheckpointOptions extends Omit<CheckpointOptions, "export"> {
  readonly export: Omit<ExportOptions, "file">;
}

/** As `checkpoint --export`: the container is frozen when this resolves; what is not read then is lost. */
export async function streamCheckpoint(
  host: Host,
  name: string,
  options: StreamedCheckpointOptions,
): Promise<AsyncGenerator<Uint8Array, void>> {
  const stage = await openStage(host);
  try {
    const file = stage.next("checkpoint");
    await checkpointContainer(host, name, { ...options, export: { ...options.export, file } });
    return (async function* () {
      using _stage = stage;
      yield* createReadStream(file, { highWaterMark: 1 << 20 });
    })();
  } catch (error) {
    stage[Symbol.dispose]();
    throw error;
  }
}
