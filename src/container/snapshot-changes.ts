/** `snapshot diff`: what became of the files of a container since a snapshot of them. */
import { CooperError } from "../errors.ts";
import type { Host } from "../host.ts";
import { openStage } from "../image/stage.ts";
import { type Change, treeChanges, upperChanges } from "../layer/changes.ts";
import { openView } from "../layer/overlay-view.ts";
import { openUnion } from "../layer/union.ts";
import { ours } from "./diff.ts";
import { changesOf } from "./frozen.ts";
import { type FrozenStack, frozenStack } from "./frozen-stack.ts";
import type { ContainerRecord } from "./record.ts";
import { imageDirectories } from "./rootfs.ts";
import { mustSettle, resolveSnapshot, resolveWithin } from "./snapshot.ts";
import { openContainerTree } from "./trees.ts";

/** What changed from a snapshot to another one of its container, or to the files as they are now (null). */
export async function snapshotChanges(
  host: Host,
  from: string,
  to: string | null,
): Promise<Change[]> {
  const { containerId, containerName, frozenId } = resolveSnapshot(host, from);
  using _lock = await host.locks.container(containerId);
  const container = await mustSettle(host, containerId, containerName);
  const before = frozenStack(host, frozenId);
  const after = to === null ? null : frozenStack(host, otherOf(host, container, to).frozenId);
  using stage = await openStage(host);
  using old = openView(await withImage(host, container, before), stage.directory);
  const between = directoriesBetween(before, after ?? stackNow(host, container));
  if (between !== undefined) {
    if (between.length === 0) return [];
    using changed = openUnion(between);
    return upperChanges(changed, old, ours);
  }
  using now =
    after === null
      ? await openContainerTree(host, container, stage.directory)
      : openView(await withImage(host, container, after), stage.directory);
  return treeChanges(old, now, ours);
}

function otherOf(host: Host, container: ContainerRecord, text: string) {
  if (!text.includes(":")) return resolveWithin(host, container, text);
  const found = resolveSnapshot(host, text);
  if (found.containerId === container.id) return found;
  throw new CooperError("invalid-argument", `${text} is no snapshot of ${container.name}`, {
    hint: "both must be of one container",
  });
}

/** With its own changes, which nobody has frozen. */
function stackNow(host: Host, container: ContainerRecord): FrozenStack {
  const { directories, isWhole } = frozenStack(host, container.frozenId);
  const own = changesOf(host, container);
  const isCopy = own === host.paths.container(container.id).tree;
  return {
    directories: own === undefined ? directories : [own, ...directories],
    isWhole: isWhole || isCopy,
  };
}

/** What stands on the older stack in the newer one; undefined where the newer one does not stand on it. */
function directoriesBetween(older: FrozenStack, newer: FrozenStack): string[] | undefined {
  if (newer.isWhole) return undefined;
  const count = newer.directories.length - older.directories.length;
  const isUpon = count >= 0 && newer.directories.slice(count).join() === older.directories.join();
  return isUpon ? newer.directories.slice(0, count) : undefined;
}

async function withImage(
  host: Host,
  container: ContainerRecord,
  { directories, isWhole }: FrozenStack,
): Promise<string[]> {
  return isWhole ? directories : [...directories, ...(await imageDirectories(host, container))];
}
