/** A build of files that a client sends one by one. */
import { join } from "node:path";
import type { Host } from "../host.ts";
import { openStage } from "../image/stage.ts";
import { withUpload } from "../image/upload.ts";
import { unpackLayer } from "../layer/unpack.ts";
import { type BuildOptions, buildImage } from "./build.ts";
import { type SentContexts, sentTar } from "./context/sent.ts";
import type { Built } from "./give.ts";
import type { AskedContext } from "./linked.ts";

/** They are taken in as tars, whose names lead nowhere else. */
export async function buildSent(
  host: Host,
  { main, named }: SentContexts,
  options: Omit<BuildOptions, "context">,
): Promise<Built | null> {
  using stage = await openStage(host);
  const contexts: Record<string, AskedContext> = { ...options.contexts };
  for (const [name, files] of Object.entries(named)) {
    const place = stage.next("context");
    await unpackLayer({ kind: "stream", chunks: sentTar(files) }, place, options.signal);
    contexts[name] = { kind: "directory", path: join(place, "diff") };
  }
  // awaited here: the stage goes when this function returns
  return await withUpload(host, sentTar(main), (context) =>
    buildImage(host, { ...options, contexts, context }),
  );
}
