/** What a client sends, kept as a file for who reads it in more than one place. */
import { closeSync, openSync } from "node:fs";
import { CooperError } from "../errors.ts";
import type { Host } from "../host.ts";
import { writeFully } from "./spool.ts";
import { openStage } from "./stage.ts";

/** Writes all of it down, has it used, and removes it. */
export async function withUpload<T>(
  host: Host,
  bytes: AsyncIterable<Uint8Array>,
  use: (file: string) => Promise<T>,
): Promise<T> {
  using stage = await openStage(host);
  const file = stage.next("upload");
  const descriptor = openSync(file, "wx", 0o600);
  try {
    for await (const chunk of bytes) writeFully(descriptor, chunk);
  } finally {
    closeSync(descriptor);
  }
  try {
    return await use(file); // awaited here: the stage goes when this function returns
  } catch (error) {
    if (!(error instanceof CooperError) || !error.message.includes(file)) throw error;
    // who sent it knows nothing of that file
    const message = error.message.replaceAll(file, "what was sent");
    throw new CooperError(error.code, message, { cause: error });
  }
}
