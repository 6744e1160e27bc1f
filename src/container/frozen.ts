/**
 * Freezing the files of a container: its changes become a tree that nobody writes to any more, and it goes
 * on with none upon it. Of one that does not run that is a rename. An overlay that is mounted cannot get
 * another upper directory, and processes hold on to its files by descriptor, mapping and working
 * directory, so of one that runs the changes are copied (live-copy.ts).
 *
 * A rename is noted before: `freezingId` names what the changes are becoming. Whoever finds it with nobody
 * at work puts them back (`undoFreeze`); a snapshot or fork is there only once the rename has been
 * acknowledged in the same transaction.
 */
import { existsSync, renameSync, rmSync, statSync } from "node:fs";
import { CooperError } from "../errors.ts";
import type { Host } from "../host.ts";
import { openStage } from "../image/stage.ts";
import { changeContainer, getContainer, inTransaction } from "../records/containers.ts";
import { deleteFrozen, frozenChain, insertFrozen } from "../records/frozen.ts";
import { fitsOverlay } from "../system/mount.ts";
import { mountsBelow } from "../system/mount-table.ts";
import { randomHex } from "../system/random.ts";
import { makeSpreadDirectory } from "../system/spread.ts";
import { syncFilesystem } from "../system/sync.ts";
import { isInUserNamespace } from "../system/userns.ts";
import { isUntouched } from "./fresh-upper.ts";
import { copyLive } from "./live-copy.ts";
import { isAlive } from "./live-state.ts";
import type { ContainerRecord } from "./record.ts";
import { toOutside } from "./resolve-mounts.ts";
import { lowerDirectories } from "./rootfs.ts";

/** How the files of a container are frozen. */
export interface FreezeOptions {
  /** Whether the processes of one that runs are held meanwhile; null: where that is possible. */
  readonly pauses: boolean | null;
  /** Whether a copy of them must be on the disk when it is done: else it is as safe as what a container writes. */
  readonly syncs?: boolean;
}

/**
 * Freezes the files as they are now. The caller holds the lock and has settled the container.
 *
 * @param commit is given the topmost frozen tree (null: the files are those of the image), and acts in the
 *   transaction that acknowledges it
 */
export async function freezeFiles(
  host: Host,
  container: ContainerRecord,
  options: FreezeOptions,
  commit: (frozenId: string | null) => void,
): Promise<void> {
  assertKeepsChanges(container);
  const source = changesOf(host, container);
  if (source === undefined) return inTransaction(host.database, () => commit(container.frozenId));
  await assertRoom(host, container);
  if (isAlive(container)) return freezeCopy(host, container, source, options, commit);
  await moveChanges(host, container, source, (id) => {
    changeContainer(host.database, container.id, { frozenId: id });
    commit(id);
  });
}

/** @throws CooperError not-supported for one whose files are nobody's but the host's */
function assertKeepsChanges({ name, spec }: ContainerRecord): void {
  if (spec.rootfs?.isOverlay !== false) return;
  throw new CooperError(
    "not-supported",
    `the container ${name} runs in ${spec.rootfs.path} itself, so its files cannot be kept apart`,
    { hint: "with --rootfs PATH:O it would get changes of its own" },
  );
}

/** The directory with its own changes; undefined when there are none. */
export function changesOf(host: Host, container: ContainerRecord): string | undefined {
  const { upper, tree } = host.paths.container(container.id);
  if (existsSync(tree)) return tree;
  if (!existsSync(upper) || isUntouched(upper, rootBelow(host, container))) return undefined;
  return upper;
}

/** Of what a new upper directory is (see mountRootfs). */
function rootBelow(host: Host, { frozenId, resolved: { idMappings } }: ContainerRecord) {
  if (frozenId !== null) return statSync(host.paths.frozenTree(frozenId));
  const own = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  if (idMappings === null) return { ...own, mode: 0o755 };
  const uid = toOutside(idMappings.uids, 0);
  return { uid, gid: toOutside(idMappings.gids, 0), mode: 0o755 };
}

/** Before anything is changed: with one tree more, it must still be possible to start it. */
async function assertRoom(host: Host, container: ContainerRecord): Promise<void> {
  const lower = await lowerDirectories(host, container);
  const { upper, work } = host.paths.container(container.id);
  const more = [host.paths.frozenTree("0".repeat(16)), ...lower];
  if (fitsOverlay({ lower: more, upper, work, userXattr: isInUserNamespace() })) return;
  throw new CooperError(
    "not-supported",
    `the container ${container.name} stands on ${lower.length} layers and frozen trees already, and the kernel takes no more`,
    { hint: `make an image of it, and go on from there: cooper commit ${container.name} NAME` },
  );
}

/**
 * Moves the changes of a container that does not run out of its way, and has `commit` act in the
 * transaction that acknowledges it. What it throws undoes the move.
 */
export async function moveChanges(
  host: Host,
  container: ContainerRecord,
  source: string,
  commit: (frozenId: string) => void,
): Promise<void> {
  const paths = host.paths.container(container.id);
  assertNotMounted(host, container);
  const id = randomHex(8);
  makeSpreadDirectory(host.paths.frozen, 0o700);
  inTransaction(host.database, () => {
    const isWhole = source === paths.tree;
    insertFrozen(host.database, { id, parentId: container.frozenId, isWhole });
    changeContainer(host.database, container.id, { freezingId: id });
  });
  try {
    renameSync(source, host.paths.frozenTree(id));
    rmSync(paths.work, { recursive: true, force: true }); // it belongs to that upper directory
    inTransaction(host.database, () => {
      changeContainer(host.database, container.id, { freezingId: null });
      commit(id);
    });
  } catch (error) {
    undoFreeze(host, { ...container, freezingId: id });
    throw error;
  }
}

/** @throws CooperError wrong-state for one that `cooper mount` shows: a mount keeps what it was made of */
export function assertNotMounted(host: Host, { id, name }: ContainerRecord): void {
  const { merged } = host.paths.container(id);
  if (!mountsBelow(merged).includes(merged)) return;
  throw new CooperError("wrong-state", `the files of container ${name} are mounted`, {
    hint: `first: cooper unmount ${name}`,
  });
}

/** Puts back what a freeze that was not acknowledged has moved, and returns the record as it is now. */
export function undoFreeze(
  host: Host,
  { id, freezingId }: Pick<ContainerRecord, "id" | "freezingId">,
): ContainerRecord | undefined {
  const [tree] = frozenChain(host.database, freezingId);
  const paths = host.paths.container(id);
  if (tree !== undefined) {
    const moved = host.paths.frozenTree(tree.id);
    const home = tree.isWhole ? paths.tree : paths.upper;
    if (existsSync(moved) && !existsSync(home)) renameSync(moved, home);
  }
  inTransaction(host.database, () => {
    changeContainer(host.database, id, { freezingId: null });
    if (tree !== undefined) deleteFrozen(host.database, tree.id);
  });
  return getContainer(host.database, id);
}

/**
 * A copy of the changes of a container that runs, with blocks shared where the file system copies them on
 * write. The container goes on with what it has; the copy stands on the same trees as its changes do.
 */
async function freezeCopy(
  host: Host,
  container: ContainerRecord,
  source: string,
  { pauses, syncs }: FreezeOptions,
  commit: (frozenId: string) => void,
): Promise<void> {
  using stage = await openStage(host);
  const staged = stage.next("frozen");
  const { warnings } = await copyLive(host, container, source, staged, pauses);
  // a whiteout or a mark of overlayfs that is lost would let a file come back
  const lost = warnings.find((text) => /device files|overlay/.test(text));
  if (lost !== undefined)
    throw new CooperError("helper-failed", `cannot copy the files of ${container.name}: ${lost}`);
  if (syncs) syncFilesystem(host.paths.root); // names before bytes would make a hollow tree of it when the power fails
  using _held = await host.locks.store("shared"); // sweep() takes it exclusively
  const id = randomHex(8);
  makeSpreadDirectory(host.paths.frozen, 0o700);
  renameSync(staged, host.paths.frozenTree(id));
  inTransaction(host.database, () => {
    const isWhole = source === host.paths.container(container.id).tree;
    insertFrozen(host.database, { id, parentId: container.frozenId, isWhole });
    commit(id);
  });
}
