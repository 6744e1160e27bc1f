/** What happens to images, told to the journal of events. */
import type { Host } from "../host.ts";

/** What can happen to an image, in Docker's words. */
export type ImageAction =
  | "pull"
  | "push"
  | "tag"
  | "untag"
  | "delete"
  | "load"
  | "import"
  | "save"
  | "prune"
  | "commit"
  | "build";

/** Notes it. `id` is the hex of the image's id; `name` is what was named, or the id. */
export function emitImage(host: Host, action: ImageAction, id: string, name: string): void {
  host.events.emit({ type: "image", action, id: `sha256:${id}`, name });
}
