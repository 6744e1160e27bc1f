/** Descriptors that a container inherits (`--preserve-fds`, `--preserve-fd`). */
import { fstatSync } from "node:fs";
import { CooperError } from "../errors.ts";

/** `count` from 3 on, or those listed; each must be open. They become 3, 4… in the container. */
export function preservedDescriptors(
  count: number | undefined,
  listed: readonly unknown[] | undefined,
): number[] {
  const list = (listed ?? []).flat().map(Number);
  if (count !== undefined && count > 0 && list.length > 0) {
    throw new CooperError(
      "invalid-argument",
      "--preserve-fds and --preserve-fd exclude each other",
    );
  }
  const descriptors =
    list.length > 0 ? list : Array.from({ length: count ?? 0 }, (_, index) => 3 + index);
  for (const descriptor of descriptors) {
    try {
      fstatSync(descriptor);
    } catch (cause) {
      throw new CooperError(
        "invalid-argument",
        `file descriptor ${descriptor} is not open, so it cannot be preserved`,
        { cause },
      );
    }
  }
  return descriptors;
}
