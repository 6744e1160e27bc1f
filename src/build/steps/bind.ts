/** A mount of what is on the host, for a container of a build. */
import type { Mount } from "../../container/spec.ts";

/** A file or directory of ours, as it is. */
export const bind = (source: string, target: string): Extract<Mount, { kind: "bind" }> => ({
  kind: "bind",
  source,
  target,
  readOnly: false,
  options: [],
  propagation: null,
  isRecursive: false,
  changesOwner: false,
  relabel: null,
  idmap: null,
  isOverlay: false,
  overlay: null,
  createsSource: false,
  subpath: null,
});
