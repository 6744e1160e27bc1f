/** Descriptors that a container inherits (`--preserve-fds`, `--preserve-fd`). */
import { readlinkSync } from "node:fs";
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
    if (!isInherited(descriptor)) {
      throw new CooperError(
        "invalid-argument",
        `file descriptor ${descriptor} is not open, so it cannot be preserved`,
      );
    }
  }
  return descriptors;
}

/** Open, and not one that our own runtime waits with: those come in the first numbers that are free. */
function isInherited(descriptor: number): boolean {
  try {
    return !/^anon_inode:\[event/.test(readlinkSync(`/proc/self/fd/${descriptor}`));
  } catch {
    return false; // no such descriptor
  }
}
