/** Telling who did not ask for other ids why a first start takes long. */
import type { Host } from "../host.ts";
import { layersSize } from "../records/layers.ts";
import type { ContainerRecord } from "./record.ts";

/** What is copied within a moment is not worth a word. */
const silentBytes = 100e6;

/** Says it once, before the first layer is copied. */
export function shiftNotice(
  host: Host,
  { id, spec, resolved }: Pick<ContainerRecord, "id" | "spec" | "resolved">,
): () => void {
  const reason = spec.userns?.kind === "keep-id" ? spec.userns.reason : undefined;
  let isTold = reason === undefined;
  return () => {
    if (isTold) return;
    isTold = true;
    if (layersSize(host.database, id) < silentBytes) return;
    host.warn(
      `the files of ${resolved.imageName} are copied once with other owners, since ${reason}: what it writes there will be the caller's (--userns host leaves that out)`,
    );
  };
}
