/** `container diff`: what a container changed in the files of its image. */
import { CooperError } from "../errors.ts";
import type { Host } from "../host.ts";
import { openStage } from "../image/stage.ts";
import { type Change, upperChanges } from "../layer/changes.ts";
import { resolveContainer } from "../records/containers.ts";
import { settleContainer } from "./cleanup.ts";
import { openLowerTree, openUpper } from "./trees.ts";

/**
 * Directories in which the engine itself makes or mounts something: neither they nor the files that
 * stand there for it are the container's doing.
 */
export const ours: ReadonlySet<string> = new Set([
  ..."/dev /proc /sys /run /run/secrets /etc/mtab".split(" "),
  ..."/etc/hosts /etc/hostname /etc/resolv.conf /run/.containerenv /run/cooper-init".split(" "),
]);

/** The changes in the order of their paths. */
export async function containerChanges(host: Host, nameOrId: string): Promise<Change[]> {
  const { id } = resolveContainer(host.database, nameOrId);
  using _lock = await host.locks.container(id);
  const container = await settleContainer(host, id);
  if (container === undefined) return [];
  if (container.spec.rootfs?.isOverlay === false) {
    throw new CooperError(
      "not-supported",
      `the container ${nameOrId} runs in ${container.spec.rootfs.path} itself, so nobody knows what it changed there`,
    );
  }
  using stage = await openStage(host);
  using upper = await openUpper(host, container, stage.directory);
  if (upper === undefined) return [];
  using lower = await openLowerTree(host, container, stage.directory);
  return upperChanges(upper, lower, ours);
}
