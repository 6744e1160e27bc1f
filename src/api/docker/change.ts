/** Changes of files as both APIs tell them. Pure. */
import type { Change } from "../../layer/changes.ts";

const kinds = { C: 0, A: 1, D: 2 } as const;

/** An item of `/changes`. */
export const changeItem = ({ kind, path }: Change) => ({
  Path: Buffer.from(path, "latin1").toString("utf8"),
  Kind: kinds[kind],
});
